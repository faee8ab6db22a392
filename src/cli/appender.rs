//! Appends blocks to a ledger that no node has open, for `generate` and `chain import`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::exit::{Exit, Failure, Outcome};
use crate::{
    base::{bytes::Bytes, limits::MEDIAN_TIME_BLOCKS, rng::Rng, time::UnixTime},
    chain::{
        archive::{BlockStatus, HeaderRow, LedgerStore, StoreError, Tip},
        block::{HashedBlock, HashedTransaction},
        coin::{Coin, CoinChange, CoinChanges, coins_created},
        coin_key::CoinKey,
        digest::StateSum,
        key::{self, Claim},
        rules::{self, BlockFault, HeaderFault, ParentFacts, TransactionFault},
        schedule::Timeline,
        spec::ChainSpec,
        target::Work,
        transaction::{OutPoint, Transaction},
    },
};

/// Most changed coins before a commit; about 8 MiB.
const APPEND_COINS: usize = 50_000;
/// Most blocks between two commits, so that an interrupted import repeats little.
const APPEND_BLOCKS: usize = 512;

/// Disconnected transactions that are kept for the mempool; more than it holds.
const MAX_RETURNED: usize = 10_000;

/// The tip of a ledger, with the changes since the last commit.
pub struct Appender {
    spec: Arc<ChainSpec>,
    store: Box<dyn LedgerStore>,
    path: PathBuf,
    tip: Tip,
    sum: StateSum,
    /// Times of the last blocks, oldest first.
    timeline: Timeline,
    coins: BTreeMap<OutPoint, CoinState>,
    blocks: usize,
    /// The tip before [`Self::disconnect_to`]. Nothing is committed until the new branch has more work.
    outgrow: Option<Tip>,
    /// Transactions of disconnected blocks, for the mempool.
    returned: Vec<Bytes>,
}

/// A coin that changed since the last commit.
struct CoinState {
    now: Option<Coin>,
    /// Whether the store has the coin.
    stored: bool,
}

/// The tip of a branch that is stored and not applied.
#[derive(Clone)]
pub struct Branch {
    tip: Tip,
    sum: StateSum,
    timeline: Timeline,
}

impl Branch {
    /// Its last block.
    pub fn tip(&self) -> &Tip {
        &self.tip
    }

    /// What the rules need to know of it for the next header.
    pub fn parent_facts(&self) -> ParentFacts {
        parent_facts(&self.tip, &self.timeline)
    }
}

/// Why a block cannot be appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Its header breaks a rule.
    #[error("{0}")]
    Header(#[from] HeaderFault),
    /// It breaks a rule.
    #[error("{0}")]
    Block(#[from] BlockFault),
    /// Its time is ahead of this host's clock.
    #[error("it is from the future; check this host's clock")]
    Future,
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl Appender {
    /// Appends to the ledger in `path`, which `store` has open.
    pub fn new(spec: Arc<ChainSpec>, store: Box<dyn LedgerStore>, path: &Path) -> Outcome<Self> {
        let failed = |error| Failure::store(path, &error);
        let (tip, sum) = (store.tip().map_err(failed)?, store.state_sum().map_err(failed)?);
        let timeline = timeline(&spec, &*store, &tip).map_err(failed)?;
        let (path, coins, returned) = (path.to_owned(), BTreeMap::new(), Vec::new());
        Ok(Self { spec, store, path, tip, sum, timeline, coins, blocks: 0, outgrow: None, returned })
    }

    /// The last block, committed or not.
    pub fn tip(&self) -> &Tip {
        &self.tip
    }

    /// What the rules need to know of it for the next header.
    pub fn parent_facts(&self) -> ParentFacts {
        parent_facts(&self.tip, &self.timeline)
    }

    /// The ledger's database.
    pub fn store(&self) -> &dyn LedgerStore {
        &*self.store
    }

    /// Applies a block after checking all rules.
    pub fn append(&mut self, block: &HashedBlock, now: UnixTime, rng: &mut Rng) -> Result<(), AppendError> {
        rules::check_header(&self.spec, &self.parent_facts(), &block.header, &block.hash)?;
        if rules::is_from_future(&self.spec, &block.header, now) {
            return Err(AppendError::Future);
        }
        rules::check_block(block)?;
        self.check_signatures(block, rng)?;
        let changes = self.check_coins(block)?;
        Ok(self.append_checked(block, changes)?)
    }

    /// Applies a valid block with its coin changes.
    pub fn append_checked(&mut self, block: &HashedBlock, changes: CoinChanges) -> Result<(), StoreError> {
        let header = &block.header;
        self.timeline.push(header.time);
        let work = self.store_block(&self.tip.clone(), self.timeline.paused(), block)?;
        self.store.apply(header.height, &block.hash, &changes)?;
        for (outpoint, coin) in &changes.spent {
            self.sum.remove(&CoinKey::of(outpoint), coin);
            self.spend(outpoint);
        }
        for (outpoint, coin) in changes.created {
            self.sum.add(&CoinKey::of(&outpoint), &coin);
            let state = self.coins.entry(outpoint).or_insert(CoinState { now: None, stored: false });
            state.now = Some(coin);
        }
        let digest = self.sum.digest();
        self.tip = Tip { hash: block.hash, height: header.height, time: header.time, work, digest };
        self.blocks += 1;
        self.outgrow.take_if(|old| work > old.work);
        self.save()
    }

    /// Disconnects blocks down to `height`, where another branch begins. Nothing is committed until that branch has more
    /// work than the tip has now.
    pub fn disconnect_to(&mut self, height: u32) -> Result<(), StoreError> {
        if self.outgrow.is_none() {
            self.commit(false)?;
            self.outgrow = Some(self.tip.clone());
        }
        while self.tip.height > height {
            self.disconnect()?;
            self.save()?;
        }
        self.timeline = timeline(&self.spec, &*self.store, &self.tip)?;
        Ok(())
    }

    fn disconnect(&mut self) -> Result<(), StoreError> {
        let missing = || StoreError::Corrupt(format!("block {} is not complete", self.tip.height));
        let body = self.store.body(&self.tip.hash)?.ok_or_else(missing)?;
        let block = HashedBlock::decode(body).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let parent = self.store.header(&block.header.previous)?.ok_or_else(missing)?;
        if self.returned.len() < MAX_RETURNED {
            let transactions = block.transactions.iter().skip(1);
            self.returned.extend(transactions.map(|hashed| hashed.transaction.to_bytes().into()));
        }
        let undo = self.store.unapply(self.tip.height, &self.tip.hash)?;
        for (outpoint, coin) in &undo.created {
            self.sum.remove(&CoinKey::of(outpoint), coin);
            self.spend(outpoint);
        }
        for (outpoint, coin) in undo.spent {
            self.sum.add(&CoinKey::of(&outpoint), &coin);
            self.coins.entry(outpoint).or_insert(CoinState { now: None, stored: false }).now = Some(coin);
        }
        let (header, work) = (parent.header, parent.work);
        self.tip = Tip { hash: parent.hash, height: header.height, time: header.time, work, digest: self.sum.digest() };
        Ok(())
    }

    /// A branch that begins at the tip.
    pub fn branch(&self) -> Branch {
        Branch { tip: self.tip.clone(), sum: self.sum.clone(), timeline: self.timeline.clone() }
    }

    /// Stores a valid block at the end of a branch, with its coin changes.
    pub fn store_on_branch(
        &mut self,
        branch: &mut Branch,
        block: &HashedBlock,
        changes: &CoinChanges,
    ) -> Result<(), StoreError> {
        branch.timeline.push(block.header.time);
        let work = self.store_block(&branch.tip, branch.timeline.paused(), block)?;
        changes.spent.iter().for_each(|(outpoint, coin)| branch.sum.remove(&CoinKey::of(outpoint), coin));
        changes.created.iter().for_each(|(outpoint, coin)| branch.sum.add(&CoinKey::of(outpoint), coin));
        let (header, digest) = (&block.header, branch.sum.digest());
        branch.tip = Tip { hash: block.hash, height: header.height, time: header.time, work, digest };
        Ok(())
    }

    /// Commits durably and returns the tip. If a new branch has no more work, the ledger stays as it was.
    pub fn finish(mut self) -> Outcome<Tip> {
        if let Some(old) = &self.outgrow {
            let problem = format!("another branch, with no more work than the ledger's up to block {}", old.height);
            return Err(Failure::new(Exit::Rejected, format!("{problem}; the ledger is unchanged")));
        }
        let result = self.return_transactions().and_then(|()| self.commit(true));
        result.map_err(|error| Failure::store(&self.path, &error))?;
        Ok(self.tip)
    }

    /// Puts the transactions of disconnected blocks into the mempool. The node drops those that are no longer valid.
    fn return_transactions(&mut self) -> Result<(), StoreError> {
        if self.returned.is_empty() {
            return Ok(());
        }
        let kept = self.store.load_mempool()?;
        let returned = std::mem::take(&mut self.returned);
        self.store.save_mempool(&mut kept.into_iter().chain(returned))
    }

    /// The failure of a command for an error with the block at `height`.
    pub fn failure(&self, height: u32, error: &AppendError) -> Failure {
        match error {
            AppendError::Store(error) => Failure::store(&self.path, error),
            AppendError::Header(HeaderFault::NextAuthorities(set)) => {
                let problem = format!(
                    "block {height} hands over to authorities whom the chain file lacks: their set is {set}; get the newer file \
                     of whoever changed them; the blocks before it are here"
                );
                Failure::new(Exit::Mismatch, problem)
            }
            error => Failure::new(Exit::Rejected, format!("block {height} is not valid: {error}")),
        }
    }

    /// Stores header and body of a block that follows `parent`. Returns the chain work up to this block.
    fn store_block(&mut self, parent: &Tip, paused: u64, block: &HashedBlock) -> Result<Work, StoreError> {
        let header = block.header.clone();
        let work = self.spec.chain_work(parent.work, &header);
        self.store.put_headers(&[HeaderRow { hash: block.hash, header, work, paused, status: BlockStatus::Header }])?;
        self.store.put_body(&block.hash, &block.bytes)?;
        Ok(work)
    }

    /// Commits, or only flushes the coins of an unproven branch, when enough has changed.
    fn save(&mut self) -> Result<(), StoreError> {
        match (self.coins.len() >= APPEND_COINS || self.blocks >= APPEND_BLOCKS, &self.outgrow) {
            (false, _) => Ok(()),
            (true, None) => self.commit(false),
            (true, Some(_)) => self.flush(),
        }
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let coins = std::mem::take(&mut self.coins);
        self.blocks = 0;
        self.store.flush_coins(&mut coins.into_iter().map(|(outpoint, state)| CoinChange::of(&outpoint, state.now)))
    }

    fn commit(&mut self, durable: bool) -> Result<(), StoreError> {
        self.flush()?;
        self.store.commit(&self.tip, &self.sum, durable)
    }

    fn coin(&self, outpoint: &OutPoint) -> Result<Option<Coin>, StoreError> {
        match self.coins.get(outpoint) {
            Some(state) => Ok(state.now.clone()),
            None => self.store.coin(&CoinKey::of(outpoint)),
        }
    }

    fn spend(&mut self, outpoint: &OutPoint) {
        match self.coins.get_mut(outpoint) {
            Some(state) if state.stored => state.now = None,
            Some(_) => drop(self.coins.remove(outpoint)),
            None => drop(self.coins.insert(*outpoint, CoinState { now: None, stored: true })),
        }
    }

    fn check_signatures(&self, block: &HashedBlock, rng: &mut Rng) -> Result<(), BlockFault> {
        let genesis = self.spec.genesis_hash();
        let claims_of = |hashed: &HashedTransaction| {
            let hash = Transaction::signing_hash(&hashed.txid, &genesis);
            let claim = move |input: &crate::chain::transaction::Input| Claim {
                public_key: input.public_key,
                hash,
                signature: input.signature,
            };
            hashed.transaction.inputs.iter().map(claim).collect::<Vec<_>>()
        };
        let mut claims = self.spec.seal_rules().parent_claims(&self.spec, &block.header);
        claims.extend(block.transactions.iter().flat_map(claims_of));
        if key::verify_batch(&claims, rng) {
            return Ok(());
        }
        for (index, hashed) in block.transactions.iter().enumerate() {
            let holds = |claim: &Claim| key::verify(&claim.public_key, &claim.hash, &claim.signature);
            if let Some(input) = claims_of(hashed).iter().position(|claim| !holds(claim)) {
                return Err(BlockFault::Transaction { index, fault: TransactionFault::Signature(input) });
            }
        }
        Ok(())
    }

    /// Checks the rules that depend on the coins before the block. Returns the block's coin changes.
    fn check_coins(&self, block: &HashedBlock) -> Result<CoinChanges, AppendError> {
        let header = &block.header;
        if header.state_digest != self.tip.digest {
            let (found, expected) = (header.state_digest, self.tip.digest);
            return Err(BlockFault::StateDigest { found, expected }.into());
        }
        let (mut created, mut spent, mut spent_coins) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
        let mut fees: u64 = 0;
        for (index, hashed) in block.transactions.iter().enumerate() {
            let at = |fault| BlockFault::Transaction { index, fault };
            if index > 0 {
                let mut coins = Vec::with_capacity(hashed.transaction.inputs.len());
                for input in &hashed.transaction.inputs {
                    coins.push(match created.remove(&input.outpoint) {
                        None if !spent_coins.insert(input.outpoint) => None,
                        None => {
                            let coin = self.coin(&input.outpoint)?;
                            spent.extend(coin.clone().map(|coin| (input.outpoint, coin)));
                            coin
                        }
                        own => own,
                    });
                }
                let fee = rules::check_spend(&self.spec, &hashed.transaction, &coins, header.height).map_err(at)?;
                fees = fees.checked_add(fee).ok_or(at(TransactionFault::Overflow))?;
            }
            created.extend(coins_created(hashed, header.height));
        }
        let coinbase = block.transactions.first().ok_or(BlockFault::Empty)?;
        rules::check_coinbase_amount(&self.spec, &coinbase.transaction, header.height, fees)?;
        Ok(CoinChanges { spent, created: created.into_iter().collect() })
    }
}

fn parent_facts(tip: &Tip, timeline: &Timeline) -> ParentFacts {
    let &Tip { hash, height, time, work, .. } = tip;
    ParentFacts { hash, height, time, median_time: timeline.median_time(), paused: timeline.paused(), work }
}

/// Where the applied chain stands on its schedule after the block at `tip`.
fn timeline(spec: &ChainSpec, store: &dyn LedgerStore, tip: &Tip) -> Result<Timeline, StoreError> {
    let lowest = tip.height.saturating_sub(u32::try_from(MEDIAN_TIME_BLOCKS).unwrap_or(u32::MAX) - 1);
    let headers = store.applied_from(lowest, MEDIAN_TIME_BLOCKS)?;
    let paused = store.header(&tip.hash)?.map_or(0, |row| row.paused);
    Ok(Timeline::new(spec.parameters.pause_cap, headers.iter().map(|header| header.time), paused))
}
