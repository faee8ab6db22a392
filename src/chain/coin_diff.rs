//! What a block does to the coins, computed before anything changes.
//!
//! It uses lists in the block's order and the positions that the block's stateless checks sorted. Trees of the block's
//! coins took a twelfth of a sync.

use crate::{
    base::hash::Hash,
    chain::{
        archive::StoreError,
        checked::CheckedBlock,
        coin::{Coin, CoinChanges, created_coin},
        coin_key::CoinKey,
        transaction::OutPoint,
        transaction_view::TransactionView,
    },
};

/// A coin from before the block.
pub struct FoundCoin {
    /// The coin.
    pub coin: Coin,
    /// Where it is.
    pub location: CoinLocation,
}

/// Where a coin is.
#[derive(Clone, Copy)]
pub struct CoinLocation {
    /// Its key.
    pub key: CoinKey,
    /// The store has it, and the overlay does not.
    pub stored: bool,
}

/// What a block does to the coins. Valid until anything else changes them.
pub struct CoinDiff {
    /// The coins from before the block that it spends, and the coins that it leaves.
    pub changes: CoinChanges,
    /// Where each spent coin is.
    pub locations: Vec<CoinLocation>,
    /// Coins that the block creates and spends.
    pub spent_in_block: Vec<(OutPoint, Coin)>,
}

impl CoinDiff {
    /// The coins that the block spends, also those that it creates.
    pub fn spent(&self) -> impl Iterator<Item = OutPoint> + '_ {
        self.changes.spent.iter().chain(&self.spent_in_block).map(|(outpoint, _)| *outpoint)
    }

    /// Bytes that it takes in memory.
    pub fn size(&self) -> usize {
        let CoinChanges { spent, created } = &self.changes;
        let coins = spent.capacity() + created.capacity() + self.spent_in_block.capacity();
        coins * size_of::<(OutPoint, Coin)>() + self.locations.capacity() * size_of::<CoinLocation>()
    }
}

/// Builds a [`CoinDiff`], one transaction of the block after another.
pub struct CoinDiffBuilder<'a> {
    block: &'a CheckedBlock,
    spent: Vec<(OutPoint, Coin)>,
    locations: Vec<CoinLocation>,
    created: Vec<(OutPoint, Coin)>,
    /// Positions in `created` of the coins that the block spends.
    spent_in_block: Vec<usize>,
    /// Position in `created` of the first coin of each transaction so far.
    firsts: Vec<usize>,
}

impl<'a> CoinDiffBuilder<'a> {
    /// Before the first transaction.
    pub fn new(block: &'a CheckedBlock) -> Self {
        let transactions = block.txids.len();
        // Exact: the lists of a block of many coins take three times its size, and a list that grows twice as much for a while.
        let counts = block.views().filter_map(|(_, view)| view).map(|view| view.counts());
        let (inputs, outputs) = counts.fold((0, 0), |(inputs, outputs), (i, o)| (inputs + i, outputs + o));
        Self {
            block,
            spent: Vec::with_capacity(inputs),
            locations: Vec::with_capacity(inputs),
            created: Vec::with_capacity(outputs),
            spent_in_block: Vec::new(),
            firsts: Vec::with_capacity(transactions),
        }
    }

    /// Collects the coins that the next transaction spends: from this block, or from before it by `find`. `None` stands for
    /// a coin that does not exist or is spent.
    pub fn spend(
        &mut self,
        view: &TransactionView<'_>,
        find: &mut dyn FnMut(&OutPoint) -> Result<Option<FoundCoin>, StoreError>,
        coins: &mut Vec<Option<Coin>>,
    ) -> Result<(), StoreError> {
        coins.clear();
        for (input, outpoint) in view.outpoints().enumerate() {
            let coin = if self.block.is_repeated(self.firsts.len(), input) {
                None
            } else if let Some(own) = self.find(&outpoint) {
                self.spent_in_block.push(own);
                Some(self.created[own].1.clone())
            } else {
                find(&outpoint)?.map(|FoundCoin { coin, location }| {
                    self.spent.push((outpoint, coin.clone()));
                    self.locations.push(location);
                    coin
                })
            };
            coins.push(coin);
        }
        Ok(())
    }

    /// Creates the coins of the next transaction.
    pub fn create(&mut self, txid: Hash, view: &TransactionView<'_>) {
        self.firsts.push(self.created.len());
        let (coinbase, height) = (view.is_coinbase(), self.block.header.height);
        let outputs = view.outputs().enumerate();
        self.created.extend(outputs.map(|(index, output)| created_coin(txid, coinbase, height, index, &output)));
    }

    /// After the last transaction.
    pub fn finish(self) -> CoinDiff {
        let Self { spent, locations, mut created, spent_in_block, .. } = self;
        let own = spent_in_block.iter().map(|at| created[*at].clone()).collect();
        if !spent_in_block.is_empty() {
            let mut stays = vec![true; created.len()];
            spent_in_block.iter().for_each(|at| stays[*at] = false);
            let mut stays = stays.into_iter();
            created.retain(|_| stays.next() != Some(false));
        }
        CoinDiff { changes: CoinChanges { spent, created }, locations, spent_in_block: own }
    }

    /// The position in `created` of the coin with this outpoint.
    fn find(&self, outpoint: &OutPoint) -> Option<usize> {
        let at = self
            .firsts
            .get(self.block.position(&outpoint.txid)?)?
            .checked_add(usize::try_from(outpoint.index).ok()?)?;
        self.created.get(at).is_some_and(|(created, _)| created == outpoint).then_some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::{codec::List, limits::WORK_HEADER_BYTES},
        chain::{
            address::Address,
            block::{HashedBlock, HashedTransaction},
            header::Header,
            transaction::{Input, Output, Transaction},
        },
    };

    fn coin(amount: u64) -> Coin {
        Coin { amount, address: Address::default(), height: 1, coinbase: false }
    }

    fn outpoint(txid: u8, index: u32) -> OutPoint {
        OutPoint { txid: id(txid), index }
    }

    /// Ids that differ only in their last byte.
    fn id(n: u8) -> Hash {
        let mut id = Hash([7; 32]);
        id.0[31] = n;
        id
    }

    /// A transaction with two outputs.
    fn transaction(txid: u8, spends: &[OutPoint]) -> HashedTransaction {
        let input =
            |outpoint: &OutPoint| Input { outpoint: *outpoint, amount: 1, public_key: [0; 32], signature: [0; 64] };
        let output = |n: u8| Output { amount: u64::from(txid) * 10 + u64::from(n), address: Address::default() };
        let transaction = Transaction {
            version: 1,
            inputs: List::truncated(spends.iter().map(input)),
            outputs: List::truncated([output(0), output(1)]),
            memo: List::EMPTY,
        };
        HashedTransaction { txid: id(txid), ..HashedTransaction::new(transaction) }
    }

    /// The coins that the transactions find, and the block's diff. Coins 200 to 209 are from before the block.
    fn diff(transactions: Vec<HashedTransaction>) -> (Vec<Vec<Option<u64>>>, CoinDiff) {
        let find = |wanted: &OutPoint| {
            let number = wanted.txid.0[31];
            let location = CoinLocation { key: CoinKey { order: u64::from(number), outpoint: *wanted }, stored: true };
            let known = (200..210).contains(&number) && *wanted == self::outpoint(number, 0);
            Ok(known.then(|| FoundCoin { coin: coin(u64::from(number)), location }))
        };
        let header = Header::peek(&[0; WORK_HEADER_BYTES]).unwrap();
        let block = CheckedBlock::new(&HashedBlock::new(header, transactions));
        let (mut diff, mut all, mut coins) = (CoinDiffBuilder::new(&block), Vec::new(), Vec::new());
        for (txid, view) in block.views() {
            let view = view.unwrap();
            diff.spend(&view, &mut { find }, &mut coins).unwrap();
            all.push(coins.iter().map(|coin| coin.as_ref().map(|coin| coin.amount)).collect());
            diff.create(txid, &view);
        }
        (all, diff.finish())
    }

    fn amounts(coins: &[(OutPoint, Coin)]) -> Vec<u64> {
        coins.iter().map(|(_, coin)| coin.amount).collect()
    }

    #[test]
    fn a_block_spends_coins_from_before_it_and_its_own() {
        let transactions = vec![
            transaction(1, &[outpoint(200, 0)]),
            transaction(2, &[outpoint(1, 1), outpoint(201, 0)]),
            transaction(3, &[outpoint(2, 0), outpoint(1, 0)]),
        ];
        let (found, diff) = diff(transactions);
        assert_eq!(found, [vec![Some(200)], vec![Some(11), Some(201)], vec![Some(20), Some(10)]]);
        assert_eq!(amounts(&diff.changes.spent), [200, 201]);
        assert_eq!(diff.locations.iter().map(|location| location.key.order).collect::<Vec<_>>(), [200, 201]);
        assert_eq!(amounts(&diff.changes.created), [21, 30, 31]);
        assert_eq!(amounts(&diff.spent_in_block), [11, 20, 10]);
    }

    #[test]
    fn a_coin_exists_only_between_its_creation_and_its_spending() {
        let transactions = vec![
            transaction(1, &[outpoint(2, 0), outpoint(200, 0), outpoint(1, 0)]),
            transaction(2, &[outpoint(200, 0), outpoint(1, 0)]),
            transaction(3, &[outpoint(1, 0), outpoint(1, 1), outpoint(200, 1), outpoint(1, 2), outpoint(199, 0)]),
            transaction(4, &[outpoint(200, 0), outpoint(1, 0), outpoint(1, 1)]),
        ];
        let (found, diff) = diff(transactions);
        let first = vec![None, Some(200), None];
        assert_eq!(found[..2], [first, vec![None, None]], "created later, spent twice, and tried too early");
        assert_eq!(found[2..], [vec![None, Some(11), None, None, None], vec![None; 3]]);
        assert_eq!((amounts(&diff.changes.spent), amounts(&diff.spent_in_block)), (vec![200], vec![11]));
        assert_eq!(amounts(&diff.changes.created), [10, 20, 21, 30, 31, 40, 41]);
    }
}
