//! The pool alone, against a view of a chain that is a plain map of coins.

use std::collections::BTreeMap;

use super::{super::chain_view::ChainView, *};
use crate::chain::{archive::StoreError, rules::TransactionFault, testkit};

/// Coins as of the tip.
pub(super) struct Coins {
    spec: ChainSpec,
    coins: BTreeMap<OutPoint, Coin>,
}

impl Coins {
    pub(super) fn new(coins: BTreeMap<OutPoint, Coin>) -> Self {
        Self { spec: ChainSpec::local(), coins }
    }
}

impl ChainView for Coins {
    fn spec(&self) -> &ChainSpec {
        &self.spec
    }

    fn height(&self) -> u32 {
        0
    }

    fn coin(&self, outpoint: &OutPoint) -> Result<Option<Coin>, StoreError> {
        Ok(self.coins.get(outpoint).cloned())
    }

    fn coin_to_be_spent(&mut self, outpoint: &OutPoint) -> Result<Option<Coin>, StoreError> {
        self.coin(outpoint)
    }

    fn block(&self, hash: &Hash) -> Result<HashedBlock, StoreError> {
        Err(StoreError::Corrupt(format!("no block {hash}")))
    }

    fn is_on_a_branch(&self, _: &Hash) -> Result<bool, StoreError> {
        Ok(false)
    }
}

/// One coin of account 0.
fn view() -> (Coins, OutPoint) {
    let outpoint = OutPoint { txid: Hash([1; 32]), index: 0 };
    let coin = Coin { amount: 1000, address: key(0).address(), height: 0, coinbase: false };
    (Coins::new(BTreeMap::from([(outpoint, coin)])), outpoint)
}

/// Pays `amount` of account 0's coin of `named` back to it.
fn pay(coins: &Coins, outpoint: OutPoint, named: u64, amount: u64) -> Arc<HashedTransaction> {
    let outputs = vec![Output { amount, address: key(0).address() }];
    let transaction = testkit::spend(&[(outpoint, named, &key(0))], outputs, b"", &coins.spec.genesis_hash());
    Arc::new(HashedTransaction::new(transaction))
}

fn admit(pool: &mut Pool, coins: &mut Coins, transaction: &Arc<HashedTransaction>) -> Result<(), Refusal> {
    pool.admit(coins, transaction.clone(), UnixTime(0)).unwrap()
}

#[test]
fn a_block_takes_a_transaction_after_the_one_whose_output_it_spends() {
    let (mut coins, outpoint) = view();
    let mut pool = Pool::new(100_000);
    let parent = pay(&coins, outpoint, 1000, 999);
    let child = pay(&coins, Transaction::outpoint(parent.txid, 0), 999, 500);
    let missing = Err(Refusal::Invalid(TransactionFault::MissingCoin(0)));
    assert_eq!(admit(&mut pool, &mut coins, &child), missing);
    assert_eq!(admit(&mut pool, &mut coins, &parent), Ok(()));
    assert_eq!(admit(&mut pool, &mut coins, &child), Ok(()));
    assert_eq!(pool.ids().copied().collect::<Vec<_>>(), [child.txid, parent.txid], "the child pays more");
    assert_eq!(pool.select(100_000), (vec![parent.clone(), child.clone()], 500));
    assert_eq!(pool.select(parent.size + child.size - 1), (vec![parent], 1));
}

#[test]
fn a_transaction_leaves_with_the_one_that_it_builds_on() {
    let (mut coins, outpoint) = view();
    let mut pool = Pool::new(100_000);
    let parent = pay(&coins, outpoint, 1000, 999);
    let child = pay(&coins, Transaction::outpoint(parent.txid, 0), 999, 998);
    admit(&mut pool, &mut coins, &parent).unwrap();
    admit(&mut pool, &mut coins, &child).unwrap();
    assert_eq!(pool.take_changes().map(|(added, removed)| (added.len(), removed.len())), Some((2, 0)));
    pool.confirm(&[], &mut [outpoint].into_iter());
    assert_eq!((pool.len(), pool.bytes(), pool.used()), (0, 0, 0));
    assert!([&parent, &child].iter().all(|gone| pool.displaced.find(&gone.txid).is_some()), "their owners may ask");
    assert_eq!(pool.take_changes().map(|(added, removed)| (added.len(), removed.len())), Some((0, 2)));
    assert_eq!(pool.take_changes(), None);
}
