//! Ed25519 under the ZIP-215 rules, under which single and batch verification agree.
//!
//! Nothing else in this program decides whether a signature is valid, because other libraries' `verify` differ in
//! corner cases, and nodes that differ in corner cases split the network.

use ed25519_zebra::{Signature, SigningKey, VerificationKey, VerificationKeyBytes, batch};

use crate::{
    base::{
        hash::{Domain, Hash},
        rng::Rng,
    },
    chain::{address::Address, transaction::Transaction},
};

/// A secret key.
#[derive(Clone)]
pub struct SecretKey(SigningKey);

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SecretKey(of {:?})", self.address())
    }
}

impl SecretKey {
    /// The key with this 32-byte seed (RFC 8032).
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&seed))
    }

    /// The `number`-th publicly known key of the `local` and `dev` chains. Everybody has its secret.
    pub fn well_known(number: u32) -> Self {
        Self::from_seed(Domain::DEV_KEY.hash(&number.to_le_bytes()).0)
    }

    /// The seed, to store.
    pub fn seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The public key.
    pub fn public_key(&self) -> [u8; 32] {
        VerificationKeyBytes::from(&self.0).into()
    }

    /// The address that this key may spend from.
    pub fn address(&self) -> Address {
        Address::of(&self.public_key())
    }

    /// Signs a hash.
    pub fn sign(&self, hash: &Hash) -> [u8; 64] {
        self.0.sign(&hash.0).into()
    }

    /// Signs the inputs of `transaction` that carry this key, for the network with this genesis block.
    pub fn sign_transaction(&self, transaction: &mut Transaction, genesis: &Hash) {
        let public_key = self.public_key();
        let signature = self.sign(&Transaction::signing_hash(&transaction.txid(), genesis));
        let own = transaction.inputs.as_mut_slice().iter_mut().filter(|input| input.public_key == public_key);
        own.for_each(|input| input.signature = signature);
    }
}

/// Whether these bytes are a public key whose owner alone can sign. The few keys of small order are none: under the rules of
/// ZIP 215 anybody's signature of nothing, the neutral point and zero, holds for each of them and for any message.
pub fn is_valid(public_key: &[u8; 32]) -> bool {
    let mut of_nobody = [0; 64];
    of_nobody[0] = 1;
    VerificationKey::try_from(*public_key).is_ok() && !verify(public_key, &Hash::ZERO, &of_nobody)
}

/// Whether `signature` is `public_key`'s over `hash`.
pub fn verify(public_key: &[u8; 32], hash: &Hash, signature: &[u8; 64]) -> bool {
    VerificationKey::try_from(*public_key).is_ok_and(|key| key.verify(&Signature::from(*signature), &hash.0).is_ok())
}

/// One claim for a batch: this key signed this hash.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// Who signed.
    pub public_key: [u8; 32],
    /// What was signed.
    pub hash: Hash,
    /// The signature.
    pub signature: [u8; 64],
}

impl Claim {
    /// Whether the signature holds.
    pub fn holds(&self) -> bool {
        verify(&self.public_key, &self.hash, &self.signature)
    }
}

/// Whether all claims hold. A batch costs about 40 % of checking its signatures one by one. `rng` draws the batch's
/// weights, which a signer must not be able to predict.
pub fn verify_batch(claims: &[Claim], rng: &mut Rng) -> bool {
    match claims {
        [] => true,
        [claim] => verify(&claim.public_key, &claim.hash, &claim.signature),
        claims => {
            let mut batch = batch::Verifier::new();
            for claim in claims {
                let key = VerificationKeyBytes::from(claim.public_key);
                batch.queue((key, Signature::from(claim.signature), &claim.hash.0));
            }
            batch.verify(rng.generator()).is_ok()
        }
    }
}

/// What the inputs of a transaction claim, in their order, on the network with this genesis block.
pub fn claims<'a>(transaction: &'a Transaction, txid: &Hash, genesis: &Hash) -> impl Iterator<Item = Claim> + use<'a> {
    let hash = Transaction::signing_hash(txid, genesis);
    let inputs = transaction.inputs.iter();
    inputs.map(move |input| Claim { public_key: input.public_key, hash, signature: input.signature })
}

/// The first claim that does not hold. Costs one batch if all hold, and up to one check for each claim more if not.
pub fn first_invalid(claims: &[Claim], rng: &mut Rng) -> Option<usize> {
    if verify_batch(claims, rng) {
        return None;
    }
    claims.iter().position(|claim| !verify(&claim.public_key, &claim.hash, &claim.signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_has_no_owner_is_none() {
        assert!((0..8).all(|n| is_valid(&SecretKey::well_known(n).public_key())));
        // The neutral point, the points of order 2 and 4, and one of order 8.
        let order_8 = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a";
        let mut minus_one = [0xff; 32];
        (minus_one[0], minus_one[31]) = (0xec, 0x7f);
        let mut one = [0; 32];
        one[0] = 1;
        let order_8 = crate::base::hash::unhex(order_8).unwrap().try_into().unwrap();
        for key in [one, minus_one, [0; 32], order_8] {
            assert!(VerificationKey::try_from(key).is_ok() && !is_valid(&key), "{key:?}");
        }
        assert!(!is_valid(&[2; 32]), "no point");
    }

    #[test]
    fn a_batch_is_valid_exactly_if_every_signature_is() {
        let hash = Domain::MESSAGE.hash(b"x");
        let claim = |n| {
            let key = SecretKey::well_known(n);
            Claim { public_key: key.public_key(), hash, signature: key.sign(&hash) }
        };
        let mut claims: Vec<Claim> = (0..5).map(claim).collect();
        let mut rng = Rng::from_number(1);
        assert!(verify_batch(&claims, &mut rng));
        assert!(verify_batch(&[], &mut rng));
        claims[3].signature[0] ^= 1;
        assert!(!verify_batch(&claims, &mut rng));
        assert!(!verify_batch(&claims[3..4], &mut rng));
        assert_eq!(first_invalid(&claims, &mut rng), Some(3));
        assert_eq!(first_invalid(&claims[..3], &mut rng), None);
        assert!(verify_batch(&claims[..3], &mut rng));
    }
}
