//! Seed words (BIP 39, English), and the keys that follow from them (SLIP-10, Ed25519).
//!
//! The words are for paper: key files hold the keys that follow from them, each by itself, and no words. Key number `n` has the
//! path `m/44'/1953854323'/n'`. The second number, "tuss" in ASCII, is not registered in SLIP-44. It is the same on all chains:
//! what a key signs is worth something on one chain only.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha512;

use super::{
    error::{Outcome, WalletError},
    files,
};
use crate::chain::key::SecretKey;

/// "tuss" in ASCII.
const COIN_TYPE: u32 = 0x7475_7373;
/// A child for which the parent's secret is needed. Ed25519 has no others.
const HARDENED: u32 = 1 << 31;
/// Bytes of something that may be meant as a word; seed words have eight letters at most.
const LONGEST: usize = 20;
/// Unused keys in a row after which no used one is expected: BIP 44's gap.
pub const GAP: u32 = 20;

/// 12 to 24 words.
#[derive(Clone)]
pub struct Words(bip39::Mnemonic);

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} words", self.0.word_count())
    }
}

impl Words {
    /// New words: 12, from 128 random bits.
    pub fn new() -> Outcome<Self> {
        Self::of(&files::random_bytes::<16>()?)
    }

    fn of(entropy: &[u8]) -> Outcome<Self> {
        let words = bip39::Mnemonic::from_entropy_in(bip39::Language::English, entropy);
        words.map(Self).map_err(|error| WalletError::Internal(format!("no words: {error}")))
    }

    /// Reads words, in small or capital letters, with spaces, lines or commas between them. Numbers and an address beside them, as
    /// they are shown for paper, say nothing.
    pub fn parse(text: &str) -> Outcome<Self> {
        let parts = text.split(|sign: char| sign.is_whitespace() || ",.;:)\u{feff}".contains(sign));
        let is_word = |part: &&str| {
            let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
            !is_number && part.len() <= LONGEST
        };
        let words: Vec<String> = parts.filter(is_word).map(str::to_lowercase).collect();
        let wrong = |problem: String| WalletError::usage(format!("{problem}; look at the paper again"));
        bip39::Mnemonic::parse_in_normalized(bip39::Language::English, &words.join(" ")).map(Self).map_err(|error| {
            wrong(match error {
                bip39::Error::BadWordCount(count) => format!("{count} words; there are 12, 15, 18, 21 or 24 of them"),
                bip39::Error::UnknownWord(at) => {
                    let word = words.get(at).map_or("", String::as_str);
                    format!("word {} is none of the 2,048 seed words: \"{word}\"", at + 1)
                }
                bip39::Error::InvalidChecksum => {
                    "these words do not belong together: one is another, or two are swapped".to_owned()
                }
                error => error.to_string(),
            })
        })
    }

    /// The words, with spaces between them.
    pub fn to_text(&self) -> String {
        self.0.words().collect::<Vec<_>>().join(" ")
    }

    /// Key number `number`.
    pub fn key(&self, number: u32) -> SecretKey {
        SecretKey::from_seed(derive(&self.0.to_seed_normalized(""), &[44, COIN_TYPE, number]))
    }
}

/// The secret at a path of hardened children (SLIP-10, curve "ed25519 seed").
fn derive(seed: &[u8], path: &[u32]) -> [u8; 32] {
    let (mut secret, mut chain_code) = hmac(b"ed25519 seed", &[seed]);
    for number in path {
        (secret, chain_code) = hmac(&chain_code, &[&[0], &secret, &(number | HARDENED).to_be_bytes()]);
    }
    secret
}

/// The two halves of HMAC-SHA512.
fn hmac(key: &[u8], parts: &[&[u8]]) -> ([u8; 32], [u8; 32]) {
    let mut hmac = Hmac::<Sha512>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| hmac.update(part));
    let bytes: [u8; 64] = hmac.finalize().into_bytes().into();
    let (mut left, mut right) = ([0; 32], [0; 32]);
    left.copy_from_slice(&bytes[..32]);
    right.copy_from_slice(&bytes[32..]);
    (left, right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::hash::{hex, unhex};

    #[test]
    fn the_vectors_of_slip_10_hold() {
        let first = "000102030405060708090a0b0c0d0e0f";
        let second = "fffcf9f6f3f0edeae7e4e1dedbd8d5d2cfccc9c6c3c0bdbab7b4b1aeaba8a5a2\
                      9f9c999693908d8a8784817e7b7875726f6c696663605d5a5754514e4b484542";
        for (seed, path, secret) in [
            (first, &[][..], "2b4be7f19ee27bbf30c667b642d5f4aa69fd169872f8fc3059c08ebae2eb19e7"),
            (first, &[0], "68e0fe46dfb67e368c75379acec591dad19df3cde26e63b93a8e704f1dade7a3"),
            (first, &[0, 1], "b1d0bad404bf35da785a64ca1ac54b2617211d2777696fbffaf208f746ae84f2"),
            (first, &[0, 1, 2], "92a5b23c0b8a99e37d07df3fb9966917f5d06e02ddbd909c7e184371463e9fc9"),
            (first, &[0, 1, 2, 2], "30d1dc7e5fc04c31219ab25a27ae00b50f6fd66622f6e9c913253d6511d1e662"),
            (first, &[0, 1, 2, 2, 1_000_000_000], "8f94d394a8e8fd6b1bc2f3f49f5c47e385281d5c17e65324b0f62483e37e8793"),
            (second, &[], "171cb88b1b3c1db25add599712e36245d75bc65a1a5c9e18d76f9f2b1eab4012"),
            (second, &[0], "1559eb2bbec5790b0c65d8693e4d0875b1747f4970ae8b650486ed7470845635"),
        ] {
            assert_eq!(hex(&derive(&unhex(seed).unwrap(), path)), secret, "{path:?}");
        }
        let key = SecretKey::from_seed(derive(&unhex(first).unwrap(), &[0]));
        assert_eq!(hex(&key.public_key()), "8c8a13df77a28f3445213a0f432fde644acaa215fc72dcdf300d5efaa85d350c");
    }

    #[test]
    fn the_vectors_of_bip_39_hold() {
        for (entropy, text, seed) in [
            (
                "00000000000000000000000000000000",
                "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about",
                "c55257c360c07c72029aebc1b53c05ed0362ada38ead3e3e9efa3708e5349553\
                 1f09a6987599d18264c1e1c92f2cf141630c7a3c4ab7c81b2f001698e7463b04",
            ),
            (
                "7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f",
                "legal winner thank year wave sausage worth useful legal winner thank yellow",
                "2e8905819b8723fe2c1d161860e5ee1830318dbf49a83bd451cfb8440c28bd6f\
                 a457fe1296106559a3c80937a1c1069be3a3a5bd381ee6260e8d9739fce1f607",
            ),
            (
                "7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f",
                "legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth useful \
                 legal will",
                "f2b94508732bcbacbcc020faefecfc89feafa6649a5491b8c952cede496c214a\
                 0c7b3c392d168748f2d4a612bada0753b52a1c7ac53c1e93abd5c6320b9e95dd",
            ),
        ] {
            let words = Words::of(&unhex(entropy).unwrap()).unwrap();
            assert_eq!(words.to_text(), text);
            assert_eq!(hex(&words.0.to_seed_normalized("TREZOR")), seed);
            let typed = text.to_uppercase().replace(' ', "\n ");
            assert_eq!(Words::parse(&typed).unwrap().key(3).seed(), words.key(3).seed());
        }
    }

    #[test]
    fn words_that_are_wrong_say_which_and_new_ones_are_new() {
        let wrong = |text: &str| Words::parse(text).unwrap_err().to_string();
        let text = "legal winner thank year wave sausage worth useful legal winner thank yellow";
        assert!(wrong(&text.replace("sausage", "sausge")).contains("word 6"));
        assert!(wrong(&text.replace("legal winner", "winner legal")).contains("swapped"));
        assert!(wrong("legal winner").contains("2 words"));
        let numbered: String = (1..).zip(text.split(' ')).map(|(at, word)| format!("{at:>3}. {word},\r\n")).collect();
        let paper = format!("\u{feff}ltus1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq\n\n{numbered}");
        assert_eq!(Words::parse(&paper).unwrap().to_text(), text);
        let [one, two] = [Words::new().unwrap(), Words::new().unwrap()];
        assert!(one.to_text() != two.to_text() && one.key(0).seed() != one.key(1).seed());
        assert_eq!(format!("{one:?}"), "12 words", "logs do not show them");
    }
}
