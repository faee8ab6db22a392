//! Payments that take the place of an earlier one that is in no block yet: they spend its coins and pay more.

use super::{
    building::{Draft, Fee, Plan, Spend},
    coins::OwnCoin,
    error::{Outcome, WalletError},
};
use crate::chain::{
    address::Address,
    rules,
    spec::ChainSpec,
    transaction::{Output, Transaction},
};

/// What takes the place of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instead {
    /// The same payment, for a higher fee: the change pays it, or further coins.
    Bump,
    /// All goes back to the payer.
    Cancel,
}

/// Makes the transaction. What goes back goes to the owner of the first input of `old`. `spare`: coins of blocks that may pay the
/// higher fee if the change does not suffice, the best first. `fee`: an estimate becomes at least what replaces `old` if
/// nothing builds on it, and half as much again.
pub fn replacement(
    spec: &ChainSpec,
    old: &Transaction,
    instead: Instead,
    fee: Fee,
    spare: &[OwnCoin],
) -> Outcome<Draft> {
    let Some(first) = old.inputs.first() else { return Err(WalletError::usage("a block's reward cannot be replaced")) };
    let own = Address::of(&first.public_key);
    let mut outputs: Vec<Output> = old.outputs.to_vec();
    // The last output takes what is left. One before it to the payer is what was paid.
    let change = outputs.pop_if(|output| output.address == own);
    let mut plan = match instead {
        Instead::Bump => {
            let rest = change.map(|change| change.address);
            Plan { outputs, rest, fee, spend: Spend::All, memo: old.memo.to_vec() }
        }
        Instead::Cancel => Plan { outputs: Vec::new(), rest: Some(own), fee, spend: Spend::All, memo: Vec::new() },
    };
    let old_fee = rules::fee(old).map_err(|fault| WalletError::usage(fault.to_string()))?;
    let mut coins: Vec<OwnCoin> = old
        .inputs
        .iter()
        .map(|input| OwnCoin { outpoint: input.outpoint, amount: input.amount, public_key: input.public_key })
        .collect();
    let mut spare = spare.iter().filter(|coin| !old.inputs.iter().any(|input| input.outpoint == coin.outpoint));
    loop {
        if let Fee::Estimate(_) = fee {
            let bytes = plan.bytes(coins.len()) as u64;
            let relay = bytes.saturating_mul(spec.replacement_rate()).div_ceil(1000);
            let least = old_fee.saturating_add(relay).max(old_fee.saturating_add(old_fee / 2));
            let usual = Plan { fee, ..plan.clone() }.fee(spec, coins.len());
            plan.fee = Fee::Exactly(least.max(usual));
        }
        match (plan.build(spec, coins.clone()), spare.next()) {
            // A bumped payment may be short of what it takes from the change.
            (Err(WalletError::Insufficient { .. }), Some(coin)) if instead == Instead::Bump => coins.push(*coin),
            (built, _) => return built,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::hash::Hash,
        chain::{key::SecretKey, transaction::OutPoint},
    };

    fn coin(n: u8, amount: u64) -> OwnCoin {
        let public_key = SecretKey::well_known(0).public_key();
        OwnCoin { outpoint: OutPoint { txid: Hash([n; 32]), index: 0 }, amount, public_key }
    }

    /// A payment of 1,000 for 300 from coins of this amount.
    fn old(amount: u64) -> Draft {
        let plan = Plan { memo: b"hi".to_vec(), ..Plan::to(Address([1; 20]), 1000, Fee::Exactly(300)) };
        plan.build(&ChainSpec::local(), vec![coin(1, amount)]).unwrap()
    }

    fn replace(amount: u64, instead: Instead, fee: Fee, spare: &[OwnCoin]) -> Outcome<Draft> {
        replacement(&ChainSpec::local(), &old(amount).transaction, instead, fee, spare)
    }

    #[test]
    fn a_bumped_payment_pays_the_same_and_takes_more_from_the_change() {
        let bumped = replace(9000, Instead::Bump, Fee::Estimate(0), &[coin(2, 5000)]).unwrap();
        let before = old(9000).transaction;
        assert_eq!(bumped.transaction.outputs[0], before.outputs[0]);
        assert_eq!((bumped.transaction.inputs.len(), &bumped.transaction.memo), (1, &before.memo));
        let size = before.to_bytes().len() as u64;
        assert_eq!((bumped.fee, bumped.change), (300 + size, 9000 - 1000 - 300 - size));
        let asked = replace(9000, Instead::Bump, Fee::Exactly(2000), &[]).unwrap();
        assert_eq!((asked.fee, asked.change), (2000, 6000));
        assert_eq!(replace(9000, Instead::Bump, Fee::Rate(5000), &[]).unwrap().fee, 5 * size);
    }

    #[test]
    fn what_is_paid_to_oneself_is_no_change() {
        let own = SecretKey::well_known(0).address();
        let plan = Plan { rest: Some(Address([2; 20])), ..Plan::to(own, 1000, Fee::Exactly(300)) };
        let old = plan.build(&ChainSpec::local(), vec![coin(1, 9000)]).unwrap().transaction;
        let spare = [coin(2, 5000)];
        let bumped = replacement(&ChainSpec::local(), &old, Instead::Bump, Fee::Estimate(0), &spare).unwrap();
        assert_eq!(bumped.transaction.outputs[..2], old.outputs[..], "nobody gets less");
    }

    #[test]
    fn without_enough_change_further_coins_pay() {
        let bumped =
            replace(1300, Instead::Bump, Fee::Estimate(0), &[coin(1, 1300), coin(2, 10), coin(3, 5000)]).unwrap();
        assert_eq!(bumped.transaction.inputs.len(), 3);
        assert_eq!(bumped.transaction.outputs[0].amount, 1000);
        assert!(matches!(
            replace(1300, Instead::Bump, Fee::Estimate(0), &[coin(2, 10)]),
            Err(WalletError::Insufficient { .. })
        ));
    }

    #[test]
    fn a_cancelled_payment_goes_back_to_its_payer() {
        let cancelled = replace(9000, Instead::Cancel, Fee::Estimate(0), &[]).unwrap();
        let outputs = &cancelled.transaction.outputs;
        assert_eq!((outputs.len(), outputs[0].address), (1, SecretKey::well_known(0).address()));
        assert_eq!(outputs[0].amount, 9000 - cancelled.fee);
        assert!(matches!(
            replace(1300, Instead::Cancel, Fee::Exactly(1300), &[]),
            Err(WalletError::Insufficient { .. })
        ));
    }
}
