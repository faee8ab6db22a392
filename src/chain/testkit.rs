//! Builds valid blocks for tests, benchmarks and `tussock generate`.
//!
//! [`BlockMaker`] is a small ledger in memory: it knows the coins after its tip, so that each block that it makes keeps
//! all rules of the chain, its seal included. It does not check its arguments: tests build invalid blocks from
//! the same parts ([`BlockMaker::assemble`], [`seal`]).

mod sealed;
#[cfg(test)]
mod tests;

pub use self::sealed::{
    authority_key, certificate, knows_authorities, next_seal, sealed_spec, sealed_spec_with, signed_vote,
};

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    base::{codec::List, hash::Hash},
    chain::{
        address::Address,
        archive::{BlockStatus, HeaderRow, Tip},
        block::{HashedBlock, HashedTransaction},
        coin::{Coin, CoinChanges, coins_created},
        coin_key::CoinKey,
        digest::StateSum,
        header::{HEADER_VERSION, Header},
        key::SecretKey,
        merkle,
        rules::{self, ParentFacts},
        schedule::Timeline,
        seal::{AuthoritySeal, Seal, Vote, Votes},
        spec::ChainSpec,
        target::Work,
        transaction::{Input, OutPoint, Output, TRANSACTION_VERSION, Transaction},
    },
};

/// Makes one valid block after another on top of its tip. A clone is a fork from there.
#[derive(Clone, Debug)]
pub struct BlockMaker {
    spec: Arc<ChainSpec>,
    tip: Header,
    hash: Hash,
    work: Work,
    /// Views that are left out before that of the next block, on a chain that authorities seal.
    skipped_views: u64,
    timeline: Timeline,
    sum: StateSum,
    digest: Hash,
    coins: BTreeMap<OutPoint, Coin>,
    /// The same coins by owner and amount, so that a transfer finds one without a scan.
    owned: BTreeMap<Address, BTreeSet<(u64, OutPoint)>>,
    /// Coins that transfers since the last block spend.
    reserved: BTreeSet<OutPoint>,
    /// Coins that transfers since the last block create.
    pending: BTreeMap<OutPoint, Coin>,
    last_changes: CoinChanges,
}

impl BlockMaker {
    /// A maker whose tip is the chain's genesis block.
    pub fn new(spec: Arc<ChainSpec>) -> Self {
        let genesis = &spec.genesis;
        let mut maker = Self {
            tip: genesis.header.clone(),
            hash: genesis.hash,
            work: spec.genesis_work(),
            skipped_views: 0,
            timeline: Timeline::new(spec.parameters.pause_cap, [genesis.header.time], 0),
            sum: StateSum::default(),
            digest: spec.genesis_digest,
            coins: BTreeMap::new(),
            owned: BTreeMap::new(),
            reserved: BTreeSet::new(),
            pending: BTreeMap::new(),
            last_changes: CoinChanges::default(),
            spec: spec.clone(),
        };
        for (outpoint, coin) in coins_created(&genesis.transactions[0], 0) {
            maker.add_coin(outpoint, coin);
        }
        maker
    }

    /// Makes the next valid block and moves the tip to it. The coinbase pays subsidy and fees to `pay_to`.
    ///
    /// The transactions are taken in the order given; one may spend what an earlier one makes.
    pub fn next_block(&mut self, transactions: Vec<Transaction>, pay_to: Address) -> HashedBlock {
        let time = self.next_time();
        self.next_block_at(transactions, pay_to, time)
    }

    /// [`BlockMaker::next_block`] with a time of the caller's choice, in unix seconds.
    pub fn next_block_at(&mut self, transactions: Vec<Transaction>, pay_to: Address, time: u64) -> HashedBlock {
        let (header, transactions) = self.assemble(transactions, pay_to, time);
        let block = seal(header, transactions);
        self.connect(&block);
        block
    }

    /// `count` blocks without transfers.
    pub fn empty_blocks(&mut self, count: usize, pay_to: Address) -> Vec<HashedBlock> {
        (0..count).map(|_| self.next_block(Vec::new(), pay_to)).collect()
    }

    /// The next block before its merkle root and nonce are right: see [`seal`]. Does not move the tip.
    pub fn assemble(
        &self,
        transactions: Vec<Transaction>,
        pay_to: Address,
        time: u64,
    ) -> (Header, Vec<HashedTransaction>) {
        let height = self.tip.height + 1;
        let transactions: Vec<_> = transactions.into_iter().map(HashedTransaction::new).collect();
        let reward = self.spec.subsidy(height) + Self::fees(&transactions);
        let mut all = vec![HashedTransaction::new(coinbase(height, pay_to, reward, b""))];
        all.extend(transactions);
        let (seal, time) = self.seal_next(time);
        let header = Header {
            version: HEADER_VERSION,
            height,
            previous: self.hash,
            merkle_root: Hash::ZERO,
            state_digest: self.digest,
            time,
            seal,
        };
        (header, all)
    }

    /// The next block's time: on schedule after its parent, and in any case after the median time.
    pub fn next_time(&self) -> u64 {
        let scheduled = self.tip.time + u64::from(self.spec.parameters.block_time);
        scheduled.max(self.spec.seal_rules().min_time(&self.parent_facts()))
    }

    /// Moves the tip to a block that another maker built on it. Transfers that are not in the block are forgotten.
    pub fn connect(&mut self, block: &HashedBlock) {
        let height = block.header.height;
        let inputs: BTreeSet<OutPoint> = block
            .transactions
            .iter()
            .flat_map(|hashed| hashed.transaction.inputs.iter().map(|input| input.outpoint))
            .collect();
        let mut changes = CoinChanges::default();
        for hashed in &block.transactions {
            for input in &hashed.transaction.inputs {
                if let Some(coin) = self.remove_coin(&input.outpoint) {
                    changes.spent.push((input.outpoint, coin));
                }
            }
            changes.created.extend(coins_created(hashed, height).filter(|(outpoint, _)| !inputs.contains(outpoint)));
        }
        for (outpoint, coin) in &changes.created {
            self.add_coin(*outpoint, coin.clone());
        }
        self.reserved.clear();
        self.pending.clear();
        self.last_changes = changes;
        self.work = self.spec.chain_work(self.work, &block.header);
        self.skipped_views = 0;
        self.timeline.push(block.header.time);
        self.hash = block.hash;
        self.digest = self.sum.digest();
        self.tip = block.header.clone();
    }

    /// A maker that builds another branch from the same tip.
    pub fn fork(&self) -> Self {
        self.clone()
    }

    /// A signed payment of `amount` base units to `to`, with change back to the payer unless there is none.
    ///
    /// Takes the payer's largest mature coins, and once they are used up the outputs of transfers since the last block.
    /// Then all of these must go into the same block, in the order in which they were made. A coin is reserved until the next
    /// block. Panics if the payer has too little: a mistake in the test.
    pub fn transfer(&mut self, from: &SecretKey, to: Address, amount: u64, fee: u64) -> Transaction {
        self.transfer_with_memo(from, to, [amount, fee], b"")
    }

    /// The same with a memo.
    pub fn transfer_with_memo(
        &mut self,
        from: &SecretKey,
        to: Address,
        [amount, fee]: [u64; 2],
        memo: &[u8],
    ) -> Transaction {
        let payer = from.address();
        let needed = amount + fee;
        let (mut inputs, mut sum) = (Vec::new(), 0u64);
        for (outpoint, coin) in self.spendable(&payer) {
            if sum >= needed {
                break;
            }
            sum += coin.amount;
            inputs.push((outpoint, coin.amount));
        }
        assert!(sum >= needed, "{payer:?} owns {sum} base units that can be spent now, {needed} are needed");
        let mut outputs = vec![Output { amount, address: to }];
        if sum > needed {
            outputs.push(Output { amount: sum - needed, address: payer });
        }
        self.reserved.extend(inputs.iter().map(|(outpoint, _)| *outpoint));
        let spends: Vec<_> = inputs.into_iter().map(|(outpoint, amount)| (outpoint, amount, from)).collect();
        let transaction = spend(&spends, outputs, memo, &self.spec.genesis_hash());
        let hashed = HashedTransaction::new(transaction);
        self.pending.extend(coins_created(&hashed, self.tip.height + 1));
        hashed.transaction
    }

    /// The coins that `owner` can spend in the next block: the largest confirmed ones first, then pending ones.
    pub fn spendable<'a>(&'a self, owner: &'a Address) -> impl Iterator<Item = (OutPoint, &'a Coin)> + 'a {
        let height = self.tip.height + 1;
        let confirmed = self.owned.get(owner).into_iter().flatten().rev();
        let confirmed = confirmed.filter_map(|(_, outpoint)| self.coins.get_key_value(outpoint));
        let pending = self.pending.iter().filter(move |(_, coin)| coin.address == *owner);
        confirmed
            .chain(pending)
            .filter(move |(outpoint, coin)| {
                !self.reserved.contains(outpoint) && rules::matures_at(&self.spec, coin) <= height
            })
            .map(|(outpoint, coin)| (*outpoint, coin))
    }

    /// The chain that blocks are made for.
    pub fn spec(&self) -> &Arc<ChainSpec> {
        &self.spec
    }

    /// The tip's height.
    pub fn height(&self) -> u32 {
        self.tip.height
    }

    /// The tip's hash.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// The sum over all coins after the tip.
    pub fn sum(&self) -> &StateSum {
        &self.sum
    }

    /// The digest of all coins after the tip.
    pub fn digest(&self) -> Hash {
        self.digest
    }

    /// All coins after the tip.
    pub fn coins(&self) -> &BTreeMap<OutPoint, Coin> {
        &self.coins
    }

    /// What the last block did to the coins.
    pub fn last_changes(&self) -> &CoinChanges {
        &self.last_changes
    }

    /// The tip as the store describes it.
    pub fn tip(&self) -> Tip {
        Tip { hash: self.hash, height: self.tip.height, time: self.tip.time, work: self.work, digest: self.digest }
    }

    /// The tip's header as a row of status [`BlockStatus::Header`].
    pub fn header_row(&self) -> HeaderRow {
        HeaderRow {
            hash: self.hash,
            header: self.tip.clone(),
            work: self.work,
            paused: self.timeline.paused(),
            status: BlockStatus::Header,
        }
    }

    /// What validation of the next header needs to know about the tip.
    pub fn parent_facts(&self) -> ParentFacts {
        ParentFacts {
            hash: self.hash,
            height: self.tip.height,
            time: self.tip.time,
            median_time: self.timeline.median_time(),
            paused: self.timeline.paused(),
            work: self.work,
        }
    }

    /// The fees by the amounts that inputs name; 0 for invalid transactions, so that tests can build blocks with them.
    fn fees(transactions: &[HashedTransaction]) -> u64 {
        transactions.iter().map(|hashed| rules::fee(&hashed.transaction).unwrap_or(0)).sum()
    }

    fn add_coin(&mut self, outpoint: OutPoint, coin: Coin) {
        self.sum.add(&CoinKey::of(&outpoint), &coin);
        self.owned.entry(coin.address).or_default().insert((coin.amount, outpoint));
        self.coins.insert(outpoint, coin);
    }

    fn remove_coin(&mut self, outpoint: &OutPoint) -> Option<Coin> {
        let coin = self.coins.remove(outpoint)?;
        self.sum.remove(&CoinKey::of(outpoint), &coin);
        if let Some(owned) = self.owned.get_mut(&coin.address) {
            owned.remove(&(coin.amount, *outpoint));
            if owned.is_empty() {
                self.owned.remove(&coin.address);
            }
        }
        Some(coin)
    }
}

/// A coinbase that pays `amount` base units to one address (nothing if 0); `extra` follows the height in its memo.
pub fn coinbase(height: u32, pay_to: Address, amount: u64, extra: &[u8]) -> Transaction {
    let memo = height.to_le_bytes().into_iter().chain(extra.iter().copied());
    let output = (amount > 0).then_some(Output { amount, address: pay_to });
    Transaction {
        version: TRANSACTION_VERSION,
        inputs: List::EMPTY,
        outputs: List::truncated(output),
        memo: List::truncated(memo),
    }
}

/// A transaction that spends coins, each with its amount and its owner's key, signed for the network with this genesis block.
pub fn spend(coins: &[(OutPoint, u64, &SecretKey)], outputs: Vec<Output>, memo: &[u8], genesis: &Hash) -> Transaction {
    let input = |(outpoint, amount, key): &(OutPoint, u64, &SecretKey)| Input {
        outpoint: *outpoint,
        amount: *amount,
        public_key: key.public_key(),
        signature: [0; 64],
    };
    let mut transaction = Transaction {
        version: TRANSACTION_VERSION,
        inputs: List::truncated(coins.iter().map(input)),
        outputs: List::truncated(outputs),
        memo: List::truncated(memo.iter().copied()),
    };
    let signing = Transaction::signing_hash(&transaction.txid(), genesis);
    let mut last: Option<(&SecretKey, [u8; 64])> = None;
    for (input, (_, _, key)) in transaction.inputs.as_mut_slice().iter_mut().zip(coins) {
        let signature = match last {
            Some((signer, signature)) if std::ptr::eq(signer, *key) => signature,
            _ => key.sign(&signing),
        };
        input.signature = signature;
        last = Some((key, signature));
    }
    transaction
}

/// Seals a block: sets the merkle root and finds a nonce for the target that the header states, if it states one.
pub fn seal(mut header: Header, transactions: Vec<HashedTransaction>) -> HashedBlock {
    header.merkle_root = merkle::root(transactions.iter().map(|transaction| transaction.leaf).collect());
    if header.proof().is_some() {
        mine(&mut header);
    }
    HashedBlock::new(header, transactions)
}

/// A seal of authorities, with votes of these members that nobody has signed.
pub fn authority_seal(signers: std::ops::Range<usize>) -> Seal {
    let vote = |signer: usize| {
        let byte = u8::try_from(signer).unwrap_or(u8::MAX);
        (signer, Vote { clock: 1_767_225_600_000 + signer as u64, signature: [byte; 64] })
    };
    Seal::Authorities(Box::new(AuthoritySeal {
        view: 9,
        next_authorities: Hash([7; 32]),
        parent_view: 8,
        parent_votes: Votes::collect(signers.map(vote)),
    }))
}

/// Finds a nonce, upwards from the header's own.
pub fn mine(header: &mut Header) {
    assert!(header.proof().is_some(), "only proof of work has a nonce");
    while !header.has_work(&header.hash()) {
        header.next_nonce();
    }
}
