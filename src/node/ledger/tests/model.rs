//! The mempool against a plain list of transactions in the order of their arrival.

use proptest::prelude::*;

use super::*;
use crate::{base::limits, chain::rules::TransactionFault};

#[derive(Clone, Debug)]
enum Op {
    /// Spends one of all outputs so far, for an amount.
    Submit { from: usize, fee: u64 },
    /// Submits an earlier transaction again.
    Again(usize),
    /// A block with those of the mempool whose bit is set, and with a rival of one of them.
    Block { mask: u64, rival: Option<usize> },
    /// Two empty blocks take the last one's place.
    Reorganise,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        10 => (any::<usize>(), 0..3000u64).prop_map(|(from, fee)| Op::Submit { from, fee }),
        2 => any::<usize>().prop_map(Op::Again),
        2 => (any::<u64>(), proptest::option::of(any::<usize>())).prop_map(|(mask, rival)| Op::Block { mask, rival }),
        1 => Just(Op::Reorganise),
    ]
}

struct Model {
    maker: BlockMaker,
    /// The chain before the last block, and that block's transactions.
    before: Option<(BlockMaker, Vec<Transaction>)>,
    pool: Vec<Transaction>,
    made: Vec<Transaction>,
    /// Outputs that somebody may try to spend.
    outputs: Vec<(OutPoint, u64, u32)>,
}

impl Model {
    fn new(node: &Node) -> Self {
        let maker = node.maker();
        let owned = |account: u32| {
            let address = key(account).address();
            let coins: Vec<_> = maker.spendable(&address).map(|(outpoint, coin)| (outpoint, coin.amount)).collect();
            coins.into_iter().map(move |(outpoint, amount)| (outpoint, amount, account))
        };
        let outputs = (0..5).flat_map(owned).collect();
        Self { maker, before: None, pool: Vec::new(), made: Vec::new(), outputs }
    }

    /// Spends an output, its own to two accounts.
    fn spend(&mut self, from: usize, fee: u64) -> Transaction {
        let (outpoint, amount, owner) = self.outputs[from % self.outputs.len()];
        let rest = amount - fee;
        let owners = [owner, (owner + 1) % 5];
        let amounts = [rest / 2, rest - rest / 2];
        let outputs = [0, 1].map(|at| Output { amount: amounts[at], address: key(owners[at]).address() });
        let memo = (self.made.len() as u64).to_le_bytes();
        let genesis = self.maker.spec().genesis_hash();
        let made = crate::chain::testkit::spend(&[(outpoint, amount, &key(owner))], outputs.to_vec(), &memo, &genesis);
        for at in 0..2 {
            if amounts[at] > 10_000 {
                self.outputs.push((Transaction::outpoint(made.txid(), at), amounts[at], owners[at]));
            }
        }
        self.made.push(made.clone());
        made
    }

    fn pooled(&self, txid: &Hash) -> Option<&Transaction> {
        self.pool.iter().find(|transaction| transaction.txid() == *txid)
    }

    fn parents<'a>(&'a self, transaction: &'a Transaction) -> impl Iterator<Item = &'a Transaction> + 'a {
        transaction.inputs.iter().filter_map(|input| self.pooled(&input.outpoint.txid))
    }

    fn ancestors(&self, transaction: &Transaction) -> usize {
        // Each has one input: they form a line.
        let mut count = 0;
        let mut at = self.parents(transaction).next();
        while let Some(parent) = at {
            count += 1;
            at = self.parents(parent).next();
        }
        count
    }

    /// What the mempool must say, and takes it in if that is yes.
    fn admit(&mut self, transaction: &Transaction) -> Result<(), Refusal> {
        if self.pooled(&transaction.txid()).is_some() {
            return Err(Refusal::Known);
        }
        let spent = transaction.inputs[0].outpoint;
        let rival = self.pool.iter().find(|other| other.inputs[0].outpoint == spent).map(Transaction::txid);
        if let Some(rival) = rival {
            self.check_replacement(transaction, rival)?;
        }
        let exists = self.pooled(&spent.txid).is_some() || self.maker.coins().contains_key(&spent);
        if !exists {
            let mut outpoints = (0..2).map(|at| Transaction::outpoint(transaction.txid(), at));
            let confirmed = outpoints.any(|outpoint| self.maker.coins().contains_key(&outpoint));
            let missing = Refusal::Invalid(TransactionFault::MissingCoin(0));
            return Err(if confirmed { Refusal::Confirmed } else { missing });
        }
        if self.ancestors(transaction) > limits::MEMPOOL_ANCESTORS {
            return Err(Refusal::Ancestors(limits::MEMPOOL_ANCESTORS));
        }
        rival.into_iter().for_each(|rival| self.drop_with_heirs(rival));
        self.pool.push(transaction.clone());
        Ok(())
    }

    /// Whether a transaction pays enough to take the place of another that spends the same coin.
    fn check_replacement(&self, transaction: &Transaction, rival: Hash) -> Result<(), Refusal> {
        let fee =
            |one: &Transaction| one.inputs[0].amount - one.outputs.iter().map(|output| output.amount).sum::<u64>();
        let rate = |fee: u64, size: u64| fee * 1_000_000 / size;
        let size = |one: &Transaction| bytes(one).len() as u64;
        let (own_fee, own_size) = (fee(transaction), size(transaction));
        let other = self.pooled(&rival).unwrap();
        let best = rate(fee(other), size(other));
        let mut family = vec![rival];
        let (mut at, mut fees) = (0, Vec::new());
        while at < family.len() {
            fees.push(fee(self.pooled(&family[at]).unwrap()));
            let heirs = self.pool.iter().filter(|one| one.inputs[0].outpoint.txid == family[at]);
            let heirs: Vec<Hash> = heirs.map(Transaction::txid).collect();
            family.extend(heirs);
            at += 1;
        }
        for leaving in [fees[0], fees.iter().sum()] {
            let needed = (leaving + own_size).max(((best + 1) * own_size).div_ceil(1_000_000));
            if own_fee < needed || rate(own_fee, own_size) <= best {
                return Err(Refusal::Underpaid { rival, fee: own_fee, needed: needed.max(own_fee + 1) });
            }
        }
        Ok(())
    }

    /// Drops one with all that build on it.
    fn drop_with_heirs(&mut self, txid: Hash) {
        let mut gone = vec![txid];
        while let Some(txid) = gone.pop() {
            self.pool.retain(|transaction| transaction.txid() != txid);
            let heirs = self.pool.iter().filter(|transaction| transaction.inputs[0].outpoint.txid == txid);
            gone.extend(heirs.map(Transaction::txid));
        }
    }

    fn block(&mut self, node: &mut Node, mask: u64, rival: Option<usize>) {
        let mut chosen: Vec<Transaction> = Vec::new();
        for (at, transaction) in self.pool.clone().into_iter().enumerate() {
            let parent = transaction.inputs[0].outpoint.txid;
            let ready = self.pooled(&parent).is_none() || chosen.iter().any(|other| other.txid() == parent);
            if mask >> (at % 64) & 1 == 1 && ready {
                chosen.push(transaction);
            }
        }
        let left: Vec<OutPoint> =
            self.pool.iter().filter(|t| !chosen.contains(t)).map(|t| t.inputs[0].outpoint).collect();
        let rivals = left.into_iter().filter(|spent| self.maker.coins().contains_key(spent));
        let rivals: Vec<OutPoint> = rivals.collect();
        if let Some(spent) = rival.and_then(|at| rivals.get(at % rivals.len().max(1)).copied()) {
            let at = self.outputs.iter().position(|(outpoint, ..)| *outpoint == spent).unwrap();
            let rival = self.spend(at, 7);
            chosen.push(rival);
        }
        let before = self.maker.fork();
        let block = made(&mut self.maker, chosen.clone());
        node.blocks(&[block]);
        for transaction in &chosen {
            if self.pooled(&transaction.txid()).is_some() {
                self.pool.retain(|other| other != transaction);
                continue;
            }
            let spent = transaction.inputs[0].outpoint;
            let loser = self.pool.iter().find(|other| other.inputs[0].outpoint == spent).map(Transaction::txid);
            loser.into_iter().for_each(|loser| self.drop_with_heirs(loser));
        }
        self.before = Some((before, chosen));
    }

    fn reorganise(&mut self, node: &mut Node) {
        let Some((mut maker, lost)) = self.before.take() else { return };
        // Another branch, not the same empty block again.
        let blocks = [(); 2].map(|()| {
            let block = maker.next_block(Vec::new(), key(7).address());
            (maker.header_row(), Arc::new(block))
        });
        node.blocks(&blocks);
        self.maker = maker;
        // What builds on the lost comes behind them again; the rest keeps its place.
        let mut unsure: Vec<Hash> = lost.iter().map(Transaction::txid).collect();
        let mut doubtful = Vec::new();
        self.pool.retain(|transaction| {
            let builds = unsure.contains(&transaction.inputs[0].outpoint.txid);
            if builds {
                unsure.push(transaction.txid());
                doubtful.push(transaction.clone());
            }
            !builds
        });
        for transaction in lost.iter().chain(&doubtful) {
            // What the other branch contradicts is gone.
            let _ = self.admit(transaction);
        }
    }

    fn apply(&mut self, node: &mut Node, op: &Op) {
        match *op {
            Op::Submit { from, fee } => {
                let transaction = self.spend(from, fee);
                assert_eq!(node.admit(&transaction), self.admit(&transaction));
            }
            Op::Again(at) => {
                let Some(transaction) = self.made.get(at % self.made.len().max(1)).cloned() else { return };
                assert_eq!(node.admit(&transaction), self.admit(&transaction));
            }
            Op::Block { mask, rival } => self.block(node, mask, rival),
            Op::Reorganise => self.reorganise(node),
        }
    }

    fn compare(&self, node: &Node) {
        let fee = |transaction: &Transaction| {
            let spent = transaction.inputs[0].outpoint;
            let amount = self.outputs.iter().find(|(outpoint, ..)| *outpoint == spent).unwrap().1;
            amount - transaction.outputs.iter().map(|output| output.amount).sum::<u64>()
        };
        let rate = |transaction: &Transaction| fee(transaction) * 1_000_000 / bytes(transaction).len() as u64;
        let mut ranked: Vec<(std::cmp::Reverse<u64>, usize, Hash)> = Vec::new();
        for (at, transaction) in self.pool.iter().enumerate() {
            ranked.push((std::cmp::Reverse(rate(transaction)), at, transaction.txid()));
        }
        ranked.sort();
        assert_eq!(node.pool(), ranked.into_iter().map(|(.., txid)| txid).collect::<Vec<_>>());
        let size: usize = self.pool.iter().map(|transaction| bytes(transaction).len()).sum();
        assert_eq!(node.transactions().bytes(), size);
        let (selected, fees) = node.transactions().select(limits::MAX_BLOCK_BYTES);
        assert_eq!((selected.len(), fees), (self.pool.len(), self.pool.iter().map(fee).sum()));
        for (at, hashed) in selected.iter().enumerate() {
            let parent = hashed.transaction.inputs[0].outpoint.txid;
            assert!(self.pooled(&parent).is_none() || selected[..at].iter().any(|earlier| earlier.txid == parent));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 25, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_mempool_is_a_list_in_the_order_of_arrival(ops in proptest::collection::vec(op(), 1..60)) {
        let mut node = Node::new();
        node.synced();
        let mut model = Model::new(&node);
        for op in &ops {
            model.apply(&mut node, op);
            model.compare(&node);
        }
        node.assert_at(&model.maker);
    }

    #[test]
    fn a_full_mempool_stays_within_its_bytes_and_whole(ops in proptest::collection::vec(op(), 20..120)) {
        // One percent of the default: some tens of transactions.
        let mut node = Node::with(&Setup { memory_percent: 1, ..local() });
        let limit = limits::MEMPOOL_BYTES / 100;
        let mut model = Model::new(&node);
        for op in &ops {
            if let Op::Submit { from, fee } = *op {
                let transaction = model.spend(from, fee);
                let _ = node.admit(&transaction);
            }
            let pool = node.transactions();
            prop_assert!(pool.bytes() + pool.len() * limits::MEMPOOL_ENTRY_BYTES <= limit);
            let mut spent = std::collections::BTreeSet::new();
            for txid in pool.ids() {
                let outpoint = pool.entry(txid).unwrap().transaction.transaction.inputs[0].outpoint;
                prop_assert!(spent.insert(outpoint), "a coin is spent once");
                let exists = pool.entry(&outpoint.txid).is_some() || model.maker.coins().contains_key(&outpoint);
                prop_assert!(exists, "nothing stays whose parent was evicted");
            }
        }
    }
}
