//! Makes transactions: who gets what, which coins pay, what it costs; and signs them.

use std::collections::BTreeSet;

use super::{
    amounts,
    coins::{self, OwnCoin, Shortage},
    error::{Outcome, WalletError},
};
use crate::{
    base::{
        codec::List,
        limits::{MAX_INPUTS, MAX_MEMO_BYTES, MAX_OUTPUTS, MAX_TRANSACTION_BYTES},
    },
    chain::{
        address::Address,
        key::SecretKey,
        rules,
        spec::ChainSpec,
        transaction::{Input, Output, TRANSACTION_VERSION, Transaction},
    },
};

/// The least fee rate without an explicit fee, in base units per 1,000 bytes. The chain's minimum or the node's estimate
/// counts if it is higher.
const DEFAULT_FEE_RATE: u64 = 1000;
/// A fee above this many times the usual one is likely a mistake.
const HIGH_FEE: u64 = 1000;
/// Bytes of a transaction without inputs, outputs and memo: version and three counts.
const FIXED_BYTES: usize = 4 + 3 * 4;
/// Bytes of an input.
const INPUT_BYTES: usize = 36 + 8 + 32 + 64;
/// Bytes of an output.
const OUTPUT_BYTES: usize = 8 + 20;

/// What a transaction costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fee {
    /// Base units.
    Exactly(u64),
    /// Base units per 1,000 bytes: a node's estimate. Counts unless the usual rate is higher.
    Estimate(u64),
    /// Base units per 1,000 bytes, whatever is usual.
    Rate(u64),
}

/// Which of the coins given are spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spend {
    /// As few as suffice.
    Enough,
    /// Each of them.
    All,
}

/// A transaction to make.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Who gets what. None: all goes where `rest` says, at least one base unit.
    pub outputs: Vec<Output>,
    /// Where what is left goes: change, or all. `None`: to the key of the first coin spent.
    pub rest: Option<Address>,
    /// What it costs.
    pub fee: Fee,
    /// Which coins are spent.
    pub spend: Spend,
    /// Free bytes, at most 512.
    pub memo: Vec<u8>,
}

/// An unsigned transaction, or a signed one, with what it costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The transaction.
    pub transaction: Transaction,
    /// Base units for the miner.
    pub fee: u64,
    /// What goes back to the payer: the last output, if it takes what is left.
    pub change: u64,
}

impl Plan {
    /// A payment to one address.
    pub fn to(address: Address, amount: u64, fee: Fee) -> Self {
        let outputs = vec![Output { amount, address }];
        Self { outputs, rest: None, fee, spend: Spend::Enough, memo: Vec::new() }
    }

    /// Makes the transaction from these coins, unsigned.
    pub fn build(&self, spec: &ChainSpec, coins: Vec<OwnCoin>) -> Outcome<Draft> {
        let paid = self.check()?;
        let unit = |amount: u128| amounts::amount(&spec.unit, u64::try_from(amount).unwrap_or(u64::MAX));
        let most = self.most_inputs();
        let least_rest = u128::from(self.outputs.is_empty());
        let need = |inputs: usize| paid + least_rest + u128::from(self.fee(spec, inputs));
        let too_many = |hold| WalletError::TooManyCoins { most, hold: unit(hold) };
        let poor = |needed, all| WalletError::Insufficient { needed: unit(needed), spendable: unit(all) };
        let (chosen, sum) = match self.spend {
            Spend::Enough => coins::choose(coins, most, need).map_err(|shortage| match shortage {
                Shortage::Poor { needed, all } => poor(needed, all),
                Shortage::Many { hold } => too_many(hold),
            })?,
            Spend::All => {
                let sum = coins.iter().map(|coin| u128::from(coin.amount)).sum();
                match coins.len() {
                    count if count > most => return Err(too_many(sum)),
                    count if count == 0 || sum < need(count) => return Err(poor(need(count), sum)),
                    _ => (coins, sum),
                }
            }
        };
        let fee = self.fee(spec, chosen.len());
        let rest = u64::try_from(sum - paid - u128::from(fee)).map_err(|_| WalletError::usage(TOO_LARGE))?;
        Ok(self.assemble(&chosen, fee, rest))
    }

    /// The same, but the outputs at these places pay the fee: each gets its share less, the first of them the rest of the
    /// division, too. None: the fee comes on top.
    pub fn build_less(&self, spec: &ChainSpec, coins: Vec<OwnCoin>, less_fee: &[usize]) -> Outcome<Draft> {
        let count = u64::try_from(less_fee.len()).unwrap_or(u64::MAX);
        if count == 0 {
            return self.build(spec, coins);
        }
        let mut draft = Self { fee: Fee::Exactly(0), ..self.clone() }.build(spec, coins)?;
        draft.fee = self.fee(spec, draft.transaction.inputs.len());
        let mut share = draft.fee / count + draft.fee % count;
        for at in less_fee {
            let output = draft.transaction.outputs.as_mut_slice().get_mut(*at);
            let output = output.ok_or_else(|| WalletError::Internal("no such output".to_owned()))?;
            output.amount = output.amount.checked_sub(share).filter(|left| *left > 0).ok_or_else(|| {
                let [amount, fee] = [output.amount, share].map(|amount| amounts::amount(&spec.unit, amount));
                WalletError::usage(format!("{amount} are too little to pay the fee of {fee} from"))
            })?;
            share = draft.fee / count;
        }
        Ok(draft)
    }

    /// Refuses what no transaction can say, whatever coins there are. Returns what it pays, in base units.
    pub fn check(&self) -> Outcome<u128> {
        if self.memo.len() > MAX_MEMO_BYTES {
            let length = self.memo.len();
            return Err(WalletError::usage(format!("the memo has {length} bytes; at most {MAX_MEMO_BYTES} fit")));
        }
        // One place is for what is left.
        if self.outputs.len() >= MAX_OUTPUTS {
            let most = MAX_OUTPUTS - 1;
            let problem = format!("{} payees are too many for one transaction; at most {most} fit", self.outputs.len());
            return Err(WalletError::usage(problem));
        }
        if self.outputs.iter().any(|output| output.amount == 0) {
            return Err(WalletError::usage("at least 1 base unit can be paid"));
        }
        let paid: u128 = self.outputs.iter().map(|output| u128::from(output.amount)).sum();
        let least_fee = match self.fee {
            Fee::Exactly(fee) => fee,
            Fee::Estimate(_) | Fee::Rate(_) => 0,
        };
        if paid + u128::from(least_fee) > u128::from(u64::MAX) {
            return Err(WalletError::usage(TOO_LARGE));
        }
        Ok(paid)
    }

    /// Whether a coin is worth more than it costs to spend it. With an explicit fee it costs nothing.
    pub fn is_worth_spending(&self, spec: &ChainSpec, coin: &OwnCoin) -> bool {
        let cost = self.rate(spec).map_or(0, |rate| u128::from(rate) * INPUT_BYTES as u128);
        u128::from(coin.amount) * 1000 > cost
    }

    /// Base units per 1,000 bytes; `None`: the fee is explicit.
    fn rate(&self, spec: &ChainSpec) -> Option<u64> {
        match self.fee {
            Fee::Exactly(_) => None,
            Fee::Estimate(rate) => Some(rate.max(spec.min_fee_rate).max(DEFAULT_FEE_RATE)),
            Fee::Rate(rate) => Some(rate),
        }
    }

    /// Most inputs that fit beside the outputs and the memo.
    pub fn most_inputs(&self) -> usize {
        let room = MAX_TRANSACTION_BYTES.saturating_sub(self.bytes(0));
        (room / INPUT_BYTES).min(MAX_INPUTS)
    }

    /// Bytes with so many inputs and an output for what is left.
    pub(super) fn bytes(&self, inputs: usize) -> usize {
        FIXED_BYTES + inputs * INPUT_BYTES + (self.outputs.len() + 1) * OUTPUT_BYTES + self.memo.len()
    }

    /// The fee with so many inputs: rate times size, rounded up.
    pub(super) fn fee(&self, spec: &ChainSpec, inputs: usize) -> u64 {
        let rate = match (self.fee, self.rate(spec)) {
            (Fee::Exactly(fee), _) => return fee,
            (_, rate) => rate.unwrap_or(0),
        };
        let bytes = u64::try_from(self.bytes(inputs)).unwrap_or(u64::MAX);
        u64::try_from((u128::from(bytes) * u128::from(rate)).div_ceil(1000)).unwrap_or(u64::MAX)
    }

    fn assemble(&self, coins: &[OwnCoin], fee: u64, rest: u64) -> Draft {
        let input = |coin: &OwnCoin| {
            let OwnCoin { outpoint, amount, public_key } = *coin;
            Input { outpoint, amount, public_key, signature: [0; 64] }
        };
        let mut outputs = self.outputs.clone();
        if rest > 0 {
            let address = self.rest.unwrap_or_else(|| Address::of(&coins[0].public_key));
            outputs.push(Output { amount: rest, address });
        }
        let transaction = Transaction {
            version: TRANSACTION_VERSION,
            inputs: List::truncated(coins.iter().map(input)),
            outputs: List::truncated(outputs),
            memo: List::truncated(self.memo.iter().copied()),
        };
        debug_assert!(transaction.to_bytes().len() <= MAX_TRANSACTION_BYTES, "the inputs were counted");
        debug_assert_eq!(rules::fee(&transaction), Ok(fee), "it is what the inputs name beyond the outputs");
        Draft { transaction, fee, change: if self.outputs.is_empty() { 0 } else { rest } }
    }
}

const TOO_LARGE: &str = "amount and fee are larger than all money";

impl Draft {
    /// A transaction that was made elsewhere: what goes back to one of its payers is change.
    pub fn of(transaction: Transaction, payers: &BTreeSet<Address>) -> Outcome<Self> {
        let fee = rules::fee(&transaction).map_err(|fault| WalletError::usage(fault.to_string()))?;
        let back = transaction.outputs.iter().filter(|output| payers.contains(&output.address));
        let change = back.map(|output| output.amount).fold(0, u64::saturating_add);
        Ok(Self { transaction, fee, change })
    }

    /// Refuses a fee that is likely a mistake: far above the usual one at this rate (base units per 1,000 bytes, a node's
    /// estimate), and above what is paid.
    pub fn check_fee(&self, spec: &ChainSpec, estimate: u64) -> Outcome {
        let paid = self.transaction.outputs.iter().map(|output| output.amount).fold(0, u64::saturating_add);
        if self.fee <= paid.saturating_sub(self.change) { Ok(()) } else { self.check_rate(spec, estimate) }
    }

    /// The same however much is paid: where coins and outputs were put together by hand, a change may have been forgotten.
    pub fn check_rate(&self, spec: &ChainSpec, estimate: u64) -> Outcome {
        let bytes = u64::try_from(self.transaction.to_bytes().len()).unwrap_or(u64::MAX);
        let rate = spec.min_fee_rate.max(DEFAULT_FEE_RATE).max(estimate);
        let usual = bytes.saturating_mul(rate).div_ceil(1000);
        if self.fee <= usual.saturating_mul(HIGH_FEE) {
            return Ok(());
        }
        let [fee, usual] = [self.fee, usual].map(|fee| amounts::amount(&spec.unit, fee));
        Err(WalletError::HighFee { fee, usual })
    }

    /// Signs the inputs of these keys, for this chain.
    pub fn sign(mut self, spec: &ChainSpec, keys: &[SecretKey]) -> Self {
        for key in keys {
            key.sign_transaction(&mut self.transaction, &spec.genesis_hash());
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        base::hash::Hash,
        chain::{block::HashedTransaction, transaction::OutPoint},
    };

    fn key() -> SecretKey {
        SecretKey::well_known(0)
    }

    fn coin(n: u8, amount: u64) -> OwnCoin {
        let outpoint = OutPoint { txid: Hash([n; 32]), index: u32::from(n) };
        OwnCoin { outpoint, amount, public_key: key().public_key() }
    }

    fn build(plan: &Plan, coins: Vec<OwnCoin>) -> Outcome<Draft> {
        let draft = plan.build(&ChainSpec::local(), coins)?.sign(&ChainSpec::local(), &[key()]);
        rules::check_transaction(&HashedTransaction::new(draft.transaction.clone()), false).unwrap();
        Ok(draft)
    }

    fn pay(coins: Vec<OwnCoin>, amount: u64, fee: Fee) -> Outcome<Draft> {
        build(&Plan { memo: b"hi".to_vec(), ..Plan::to(Address([1; 20]), amount, fee) }, coins)
    }

    fn outputs(draft: &Draft) -> Vec<u64> {
        draft.transaction.outputs.iter().map(|output| output.amount).collect()
    }

    #[test]
    fn the_fewest_coins_pay_and_change_comes_back() {
        let draft = pay(vec![coin(1, 500), coin(3, 700), coin(4, 100)], 1000, Fee::Exactly(50)).unwrap();
        let inputs: Vec<u32> = draft.transaction.inputs.iter().map(|input| input.outpoint.index).collect();
        assert_eq!((inputs, draft.change, draft.fee), (vec![3, 1], 150, 50));
        assert_eq!(outputs(&draft), [1000, 150]);
        let named: Vec<u64> = draft.transaction.inputs.iter().map(|input| input.amount).collect();
        assert_eq!((named, rules::fee(&draft.transaction)), (vec![700, 500], Ok(50)));
        assert_eq!(draft.transaction.outputs[1].address, key().address());
    }

    #[test]
    fn an_exact_payment_has_no_change_and_the_default_fee_is_the_size() {
        let draft = pay(vec![coin(1, 1000)], 950, Fee::Exactly(50)).unwrap();
        assert_eq!((draft.change, outputs(&draft)), (0, vec![950]));
        let draft = pay(vec![coin(1, 100_000)], 5, Fee::Estimate(0)).unwrap();
        assert_eq!(draft.fee, draft.transaction.to_bytes().len() as u64);
        assert_eq!(pay(vec![coin(1, 100_000)], 5, Fee::Rate(10_000)).unwrap().fee, 10 * draft.fee);
        let free = pay(vec![coin(1, 100_000)], 5, Fee::Rate(0)).unwrap();
        assert_eq!((free.fee, free.change), (0, 99_995));
    }

    #[test]
    fn without_payees_all_that_was_needed_or_all_there_is_goes_to_one() {
        let other = Address([9; 20]);
        let mut plan = Plan { outputs: Vec::new(), ..Plan::to(other, 1, Fee::Exactly(20)) };
        let draft = build(&plan, vec![coin(1, 500), coin(2, 30)]).unwrap();
        assert_eq!((outputs(&draft), draft.change, draft.fee), (vec![10], 0, 20));
        assert_eq!(draft.transaction.outputs[0].address, key().address());
        plan = Plan { spend: Spend::All, rest: Some(other), ..plan };
        let draft = build(&plan, vec![coin(1, 500), coin(2, 30)]).unwrap();
        assert_eq!((outputs(&draft), draft.transaction.outputs[0].address), (vec![510], other));
        assert!(matches!(build(&plan, vec![coin(2, 20)]), Err(WalletError::Insufficient { .. })));
        assert!(matches!(build(&plan, Vec::new()), Err(WalletError::Insufficient { .. })));
    }

    #[test]
    fn a_payment_that_cannot_be_made_says_why() {
        let poor = pay(vec![coin(1, 500)], 600, Fee::Exactly(0)).unwrap_err().to_string();
        assert!(poor.contains("600") && poor.contains("500"), "{poor}");
        let dust: Vec<OwnCoin> = (0..100).map(|n| coin(n, 10)).collect();
        let many = pay(dust.clone(), 800, Fee::Exactly(0)).unwrap_err().to_string();
        assert!(many.contains("64 coins") && many.contains("640"), "{many}");
        assert!(matches!(pay(vec![coin(1, 5)], u64::MAX, Fee::Exactly(1)), Err(WalletError::Usage(_))));
        assert!(matches!(pay(vec![coin(1, 5)], 1, Fee::Exactly(u64::MAX)), Err(WalletError::Usage(_))));
        assert!(matches!(pay(vec![coin(1, 5)], 1, Fee::Rate(u64::MAX)), Err(WalletError::Insufficient { .. })));
        assert!(matches!(pay(vec![coin(1, 5)], 0, Fee::Exactly(0)), Err(WalletError::Usage(_))));
        let all = Plan { spend: Spend::All, ..Plan::to(Address([1; 20]), 1, Fee::Exactly(0)) };
        assert!(matches!(build(&all, dust), Err(WalletError::TooManyCoins { most: 64, .. })));
    }

    #[test]
    fn a_fee_that_is_likely_a_mistake_is_refused() {
        let (spec, coins) = (ChainSpec::local(), vec![coin(1, 10_000_000)]);
        let draft = pay(coins.clone(), 1000, Fee::Exactly(999_999)).unwrap();
        assert!(matches!(draft.check_fee(&spec, 0), Err(WalletError::HighFee { .. })));
        assert_eq!(draft.check_fee(&spec, 5000), Ok(()), "the node's estimate is high, too");
        let more_is_paid = pay(coins, 1_000_000, Fee::Exactly(999_999)).unwrap();
        assert_eq!(more_is_paid.check_fee(&spec, 0), Ok(()));
        assert!(matches!(more_is_paid.check_rate(&spec, 0), Err(WalletError::HighFee { .. })), "a forgotten change");
        assert_eq!(more_is_paid.check_rate(&spec, 5000), Ok(()));
    }

    #[test]
    fn payees_may_pay_the_fee() {
        let spec = ChainSpec::local();
        let outputs = [1000, 500].map(|amount| Output { amount, address: Address([1; 20]) }).to_vec();
        let plan = Plan { outputs, ..Plan::to(Address([1; 20]), 1, Fee::Exactly(301)) };
        let amounts = |less: &[usize]| -> Vec<u64> {
            let draft = plan.build_less(&spec, vec![coin(1, 9000)], less).unwrap();
            assert_eq!(rules::fee(&draft.transaction), Ok(301));
            draft.transaction.outputs.iter().map(|output| output.amount).collect()
        };
        assert_eq!(amounts(&[]), [1000, 500, 7199]);
        assert_eq!(amounts(&[0, 1]), [849, 350, 7500]);
        assert_eq!(amounts(&[1]), [1000, 199, 7500]);
        let all = plan.build_less(&spec, vec![coin(1, 1500)], &[0]).unwrap();
        assert_eq!((all.transaction.outputs.len(), all.change), (2, 0), "what there is suffices");
        let high = Plan { fee: Fee::Exactly(500), ..plan };
        assert!(matches!(high.build_less(&spec, vec![coin(1, 9000)], &[1]), Err(WalletError::Usage(_))));
    }

    proptest! {
        #[test]
        fn what_comes_in_goes_out_and_every_transaction_fits(
            amounts in prop::collection::vec(1..100_000u64, 0..120),
            payees in prop::collection::vec(1..20_000u64, 0..255),
            rate in 0..3000u64, memo in 0..=MAX_MEMO_BYTES, all in any::<bool>(),
        ) {
            let coins: Vec<OwnCoin> = amounts.iter().zip(0..).map(|(amount, n)| coin(n, *amount)).collect();
            let outputs: Vec<Output> =
                payees.iter().map(|amount| Output { amount: *amount, address: Address([1; 20]) }).collect();
            let plan = Plan {
                outputs: outputs.clone(),
                rest: None,
                fee: Fee::Rate(rate),
                spend: if all { Spend::All } else { Spend::Enough },
                memo: vec![7; memo],
            };
            if let Ok(draft) = plan.build(&ChainSpec::local(), coins) {
                let bytes = draft.transaction.to_bytes().len();
                prop_assert!(bytes <= MAX_TRANSACTION_BYTES);
                prop_assert_eq!(rules::fee(&draft.transaction), Ok(draft.fee));
                prop_assert_eq!(&draft.transaction.outputs[..outputs.len()], &outputs[..]);
                let (bytes, least) = (bytes as u64, (bytes as u64 * rate).div_ceil(1000));
                prop_assert!((least..=((bytes + 28) * rate).div_ceil(1000)).contains(&draft.fee));
            }
        }
    }
}
