//! Makes payments: chooses coins, computes the fee, signs.

use serde::Deserialize;

use super::{
    exit::{Exit, Failure, Outcome},
    units,
};
use crate::{
    base::{
        codec::List,
        hash::Hash,
        limits::{MAX_INPUTS, MAX_TRANSACTION_BYTES},
    },
    chain::{
        address::Address,
        key::SecretKey,
        rules,
        spec::ChainSpec,
        transaction::{Input, OutPoint, Output, TRANSACTION_VERSION, Transaction},
    },
};

/// The least fee rate without `--fee`, in base units per 1,000 bytes. The chain's minimum or the node's estimate counts
/// if it is higher.
const DEFAULT_FEE_RATE: u64 = 1000;

/// A fee above this many times the usual one is likely a mistake.
const HIGH_FEE: u64 = 1000;

/// A coin, from the node's list.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct OwnCoin {
    txid: Hash,
    index: u32,
    amount: u64,
    spendable: bool,
}

/// A signed payment.
#[derive(Debug)]
pub(super) struct Payment {
    pub(super) transaction: Transaction,
    pub(super) fee: u64,
    pub(super) change: u64,
}

impl Payment {
    /// Refuses a fee that is likely a mistake: far above the usual one, and above the payment.
    pub(super) fn check_fee(&self, spec: &ChainSpec, request: &PaymentRequest<'_>) -> Outcome {
        let usual = default_fee(spec, self.transaction.inputs.len(), request);
        if self.fee <= request.amount || self.fee <= usual.saturating_mul(HIGH_FEE) {
            return Ok(());
        }
        let [fee, usual] = [self.fee, usual].map(|fee| units::amount(&spec.unit, fee));
        let advice = "if that is right, add --allow-high-fee";
        Err(Failure::new(Exit::Rejected, format!("a fee of {fee} is far above the usual {usual}; {advice}")))
    }
}

/// A payment to make.
pub(super) struct PaymentRequest<'a> {
    pub(super) to: Address,
    pub(super) amount: u64,
    pub(super) fee: Option<u64>,
    /// The node's estimate, base units per 1,000 bytes.
    pub(super) rate: u64,
    pub(super) memo: &'a [u8],
    /// Pay all back to the payer in one output, which is at least the amount: no coin is left behind that nobody wants.
    pub(super) all_back: bool,
}

/// Makes and signs the transaction. It spends the largest coins first, so that it stays small; change returns to the
/// payer.
pub(super) fn pay(
    spec: &ChainSpec,
    key: &SecretKey,
    mut coins: Vec<OwnCoin>,
    request: &PaymentRequest<'_>,
) -> Outcome<Payment> {
    coins.retain(|coin| coin.spendable);
    coins.sort_unstable_by(|a, b| b.amount.cmp(&a.amount).then(a.txid.cmp(&b.txid)).then(a.index.cmp(&b.index)));
    let all: u128 = coins.iter().map(|coin| u128::from(coin.amount)).sum();
    let (mut inputs, mut sum) = (Vec::new(), 0u64);
    loop {
        let fee = request.fee.unwrap_or_else(|| default_fee(spec, inputs.len().max(1), request));
        let Some(needed) = request.amount.checked_add(fee) else {
            return Err(Failure::usage("amount and fee are larger than all money"));
        };
        if sum >= needed && !inputs.is_empty() {
            return sign(spec, key, &inputs, request, fee, sum - needed);
        }
        if inputs.len() == MAX_INPUTS && all >= u128::from(needed) {
            let problem = format!(
                "the payment needs more than {MAX_INPUTS} coins, which hold {} together",
                units::amount(&spec.unit, sum)
            );
            return Err(Failure::new(
                Exit::Rejected,
                format!("{problem}; merge them by paying less to yourself first"),
            ));
        }
        let Some(coin) = coins.get(inputs.len()).filter(|_| inputs.len() < MAX_INPUTS) else {
            return Err(Failure::new(
                Exit::Rejected,
                format!(
                    "the payment needs {}, but {} are spendable now",
                    units::amount(&spec.unit, needed),
                    units::amount(&spec.unit, u64::try_from(all).unwrap_or(u64::MAX))
                ),
            ));
        };
        inputs.push(coin.clone());
        sum = sum.saturating_add(coin.amount);
    }
}

/// The fee of a transaction with two outputs, change included: rate times size, rounded up.
fn default_fee(spec: &ChainSpec, inputs: usize, request: &PaymentRequest<'_>) -> u64 {
    const FIXED: usize = 4 + 4 + 4 + 2 * 28 + 4;
    const INPUT: usize = 36 + 8 + 32 + 64;
    let bytes = u64::try_from(FIXED + inputs * INPUT + request.memo.len()).unwrap_or(u64::MAX);
    bytes.saturating_mul(spec.min_fee_rate.max(DEFAULT_FEE_RATE).max(request.rate)).div_ceil(1000)
}

fn sign(
    spec: &ChainSpec,
    key: &SecretKey,
    coins: &[OwnCoin],
    request: &PaymentRequest<'_>,
    fee: u64,
    change: u64,
) -> Outcome<Payment> {
    let public_key = key.public_key();
    let input = |coin: &OwnCoin| {
        let outpoint = OutPoint { txid: coin.txid, index: coin.index };
        Input { outpoint, amount: coin.amount, public_key, signature: [0; 64] }
    };
    let (amount, change) = match request.all_back {
        true => (request.amount.saturating_add(change), 0),
        false => (request.amount, change),
    };
    let mut outputs = vec![Output { amount, address: request.to }];
    if change > 0 {
        outputs.push(Output { amount: change, address: key.address() });
    }
    let mut transaction = Transaction {
        version: TRANSACTION_VERSION,
        inputs: List::truncated(coins.iter().map(input)),
        outputs: List::truncated(outputs),
        memo: List::truncated(request.memo.iter().copied()),
    };
    key.sign_transaction(&mut transaction, &spec.genesis_hash());
    debug_assert!(transaction.to_bytes().len() <= MAX_TRANSACTION_BYTES, "64 inputs and a memo fit");
    debug_assert_eq!(rules::fee(&transaction), Ok(fee), "it is what the inputs name beyond the outputs");
    Ok(Payment { transaction, fee, change })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::block::HashedTransaction;

    fn coin(n: u8, amount: u64, spendable: bool) -> OwnCoin {
        OwnCoin { txid: Hash([n; 32]), index: u32::from(n), amount, spendable }
    }

    fn try_pay(coins: Vec<OwnCoin>, amount: u64, fee: Option<u64>) -> Outcome<Payment> {
        let request = PaymentRequest { to: Address([1; 20]), amount, fee, rate: 0, memo: b"hi", all_back: false };
        pay(&ChainSpec::local(), &SecretKey::well_known(0), coins, &request)
    }

    #[test]
    fn the_largest_spendable_coins_pay_and_change_comes_back() {
        let coins = vec![coin(1, 500, true), coin(2, 9000, false), coin(3, 700, true), coin(4, 100, true)];
        let payment = try_pay(coins, 1000, Some(50)).unwrap();
        let inputs: Vec<u32> = payment.transaction.inputs.iter().map(|input| input.outpoint.index).collect();
        assert_eq!((inputs, payment.change, payment.fee), (vec![3, 1], 150, 50));
        let outputs: Vec<u64> = payment.transaction.outputs.iter().map(|output| output.amount).collect();
        assert_eq!(outputs, [1000, 150]);
        let named: Vec<u64> = payment.transaction.inputs.iter().map(|input| input.amount).collect();
        assert_eq!((named, rules::fee(&payment.transaction)), (vec![700, 500], Ok(50)));
        rules::check_transaction(&HashedTransaction::new(payment.transaction), false).unwrap();
    }

    #[test]
    fn an_exact_payment_has_no_change_and_the_default_fee_is_the_size() {
        let payment = try_pay(vec![coin(1, 1000, true)], 950, Some(50)).unwrap();
        assert_eq!((payment.change, payment.transaction.outputs.len()), (0, 1));
        let payment = try_pay(vec![coin(1, 100_000, true)], 5, None).unwrap();
        assert_eq!(payment.fee, payment.transaction.to_bytes().len() as u64);
    }

    #[test]
    fn a_payment_back_to_the_payer_leaves_one_coin() {
        let key = SecretKey::well_known(0);
        let request =
            PaymentRequest { to: key.address(), amount: 1, fee: Some(20), rate: 0, memo: b"", all_back: true };
        let payment = pay(&ChainSpec::local(), &key, vec![coin(1, 500, true)], &request).unwrap();
        let outputs: Vec<u64> = payment.transaction.outputs.iter().map(|output| output.amount).collect();
        assert_eq!((outputs, payment.change, payment.fee), (vec![480], 0, 20));
        rules::check_transaction(&HashedTransaction::new(payment.transaction), false).unwrap();
    }

    #[test]
    fn a_payment_that_cannot_be_made_says_why() {
        let poor = try_pay(vec![coin(1, 500, true), coin(2, 900, false)], 600, Some(0)).unwrap_err();
        assert_eq!(poor.exit, Exit::Rejected);
        assert!(poor.message.contains("600") && poor.message.contains("500"), "{poor:?}");
        let dust: Vec<OwnCoin> = (0..100).map(|n| coin(n, 10, true)).collect();
        let many = try_pay(dust, 800, Some(0)).unwrap_err();
        assert!(many.message.contains("64 coins"), "{many:?}");
        assert_eq!(try_pay(vec![coin(1, 5, true)], u64::MAX, Some(1)).unwrap_err().exit, Exit::Usage);
    }
}
