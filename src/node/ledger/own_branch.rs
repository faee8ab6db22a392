//! An operator of a test chain has blocks give way to others, as a reorganisation does.
//!
//! The other blocks are made beside the chain, a slice of the search at each wake. Nothing of them is stored and nobody hears of
//! them before they have more work than the chain, which then moves onto them in one commit, with the mempool. So a kill leaves
//! what was before or what is after, peers never have a block that a start would not find, and readers see no shorter chain.

use crate::{
    base::{
        hash::Hash,
        ids::Ticket,
        limits,
        time::{Now, Time},
    },
    chain::{
        address::Address,
        archive::{BlockStatus, HeaderRow, StoreError, Tip},
        block::HashedBlock,
        checked::CheckedBlock,
        coin_key::CoinKey,
        digest::StateSum,
        key::SecretKey,
        rules::{self, ParentFacts},
        schedule::Timeline,
    },
    node::{
        Halt, Origin, Outbox, Setup,
        command::{Reorganise, Reorganised, Reply},
        miner::search::{MinedBlock, Search},
        notice::ToHeaders,
    },
};

use super::{
    block_check::check_on,
    chain_manager::ChainManager,
    chainstate::Chainstate,
    failure::Failure,
    reorganise::Culprit,
    template::{TemplateMaker, parent_facts},
};

/// Blocks beyond one more than give way. Their times are later, so that each may have less work.
const MOST_MORE: usize = 100;

/// A branch that is being made in the place of the chain's last blocks.
struct OwnBranch {
    ticket: Ticket,
    /// Who is paid for the blocks.
    address: Address,
    give_back: bool,
    /// The chain's end, which must not move meanwhile.
    tip: Tip,
    /// The blocks that give way, the highest first.
    removed: Vec<Hash>,
    /// What is made so far, the lowest first.
    made: Vec<(HeaderRow, CheckedBlock)>,
    /// The coins after it.
    sum: StateSum,
    parent: ParentFacts,
    timeline: Timeline,
    search: Search,
    next_slice: Time,
}

/// How far a branch is.
enum Step {
    GoesOn,
    /// It has more work than the chain.
    Done,
    /// It comes to nothing, and why.
    Failed(String),
}

impl OwnBranch {
    /// Begins a branch, if so many blocks can give way; else says why not.
    fn begin(
        now: Now,
        (ticket, order): (Ticket, Reorganise),
        payee: Option<Address>,
        chain: &Chainstate,
        templates: &mut TemplateMaker,
    ) -> Result<Result<Self, String>, StoreError> {
        let tip = chain.tip().clone();
        let Some(fork) = tip.height.checked_sub(order.blocks).filter(|_| order.blocks > 0) else {
            return Ok(Err(format!("the chain has {} blocks above its first", tip.height)));
        };
        if fork.saturating_add(1) < chain.store().kept_from() {
            let kept_from = chain.store().kept_from();
            return Ok(Err(format!("blocks below {kept_from} are pruned, and cannot be undone")));
        }
        let (mut sum, removed) = undone(chain, fork)?;
        let row = chain.applied_at(fork)?;
        let (parent, timeline) = parent_facts(chain, &row)?;
        let address = order.address.or(payee).unwrap_or_else(|| SecretKey::well_known(0).address());
        let Some(search) = search(now, chain, (&parent, sum.digest()), address, templates) else {
            return Ok(Err("no block can be made on this chain".to_owned()));
        };
        Ok(Ok(Self {
            ticket,
            address,
            give_back: order.give_back,
            tip,
            removed,
            made: Vec::new(),
            sum,
            parent,
            timeline,
            search,
            next_slice: now.mono,
        }))
    }

    /// Tries the next slice of nonces.
    fn step(&mut self, now: Now, chain: &Chainstate, templates: &mut TemplateMaker) -> Result<Step, Halt> {
        if chain.tip().hash != self.tip.hash {
            return Ok(Step::Failed("the chain moved meanwhile; try again".to_owned()));
        }
        self.next_slice = now.mono;
        let (_, Some(found)) = self.search.run(limits::MINE_SLICE_HASHES, now.unix) else { return Ok(Step::GoesOn) };
        if let Err(problem) = self.add(now, chain, found)? {
            return Ok(Step::Failed(format!("no block can be made: {problem}")));
        }
        if self.made.len() > self.removed.len() && self.parent.work > self.tip.work {
            return Ok(Step::Done);
        }
        if self.made.len() > self.removed.len().saturating_add(MOST_MORE) {
            let made = self.made.len();
            return Ok(Step::Failed(format!("{made} other blocks have less work than those that would give way")));
        }
        match search(now, chain, (&self.parent, self.sum.digest()), self.address, templates) {
            Some(search) => self.search = search,
            None => return Ok(Step::Failed("no block can be made".to_owned())),
        }
        Ok(Step::GoesOn)
    }

    /// Checks a block as any other is checked, and steps onto it.
    fn add(&mut self, now: Now, chain: &Chainstate, found: MinedBlock) -> Result<Result<(), String>, Halt> {
        let hashed =
            HashedBlock::decode(found.block).map_err(|error| Halt::Invariant(format!("an own block: {error}")))?;
        let (spec, hash, header) = (chain.spec(), hashed.hash, hashed.header.clone());
        if let Err(fault) = rules::check_header(spec, &self.parent, &header, &hash) {
            return Ok(Err(fault.to_string()));
        }
        if rules::is_from_future(spec, &header, now.unix) {
            return Ok(Err("its time would be too far in the future".to_owned()));
        }
        let block = CheckedBlock::new(&hashed);
        let diff = match check_on(spec, &self.sum.digest(), &block, &mut |_| Ok(None)) {
            Ok(diff) => diff,
            Err(Failure::Block(fault)) => return Ok(Err(fault.to_string())),
            Err(Failure::Halt(halt)) => return Err(halt),
        };
        for (outpoint, coin) in &diff.changes.created {
            self.sum.add(&CoinKey::of(outpoint), coin);
        }
        self.timeline.push(header.time);
        let (median_time, paused) = (self.timeline.median_time(), self.timeline.paused());
        let work = spec.chain_work(self.parent.work, &header);
        self.parent = ParentFacts { hash, height: header.height, time: header.time, median_time, paused, work };
        log::debug!("block made beside the chain: block={hash} height={}", header.height);
        self.made.push((HeaderRow { hash, header, work, paused, status: BlockStatus::Header }, block));
        Ok(Ok(()))
    }
}

/// The coins after the chain's block at this height, and the blocks above it, the highest first.
fn undone(chain: &Chainstate, fork: u32) -> Result<(StateSum, Vec<Hash>), StoreError> {
    let (mut sum, mut removed, mut expected) = (chain.sum().clone(), Vec::new(), chain.tip().digest);
    for height in (fork.saturating_add(1)..=chain.tip().height).rev() {
        let row = chain.applied_at(height)?;
        let changes = chain.store().changes_of(height, &row.hash)?;
        changes.created.iter().for_each(|(outpoint, coin)| sum.remove(&CoinKey::of(outpoint), coin));
        changes.spent.iter().for_each(|(outpoint, coin)| sum.add(&CoinKey::of(outpoint), coin));
        removed.push(row.hash);
        expected = row.header.state_digest;
    }
    if sum.digest() != expected {
        return Err(StoreError::Corrupt(format!("undo data does not restore the coins after block {fork}")));
    }
    Ok((sum, removed))
}

/// The search for the next block on this parent, with the digest of the coins after it.
fn search(
    now: Now,
    chain: &Chainstate,
    after: (&ParentFacts, Hash),
    address: Address,
    templates: &mut TemplateMaker,
) -> Option<Search> {
    let template = templates.make_empty(now, chain.spec(), after, address);
    Search::new(&template, address, 0, now.mono)
}

/// Makes other blocks on an operator's order.
pub(super) struct Reorganiser {
    /// Who is paid for blocks, if an order does not say.
    payee: Option<Address>,
    branch: Option<Box<OwnBranch>>,
}

impl Reorganiser {
    /// No order has come.
    pub(super) fn new(setup: &Setup) -> Self {
        Self { payee: setup.mine, branch: None }
    }

    /// Begins to make other blocks, or answers why not.
    pub(super) fn begin(
        &mut self,
        now: Now,
        (ticket, order): (Ticket, Reorganise),
        (chains, templates): (&mut ChainManager, &mut TemplateMaker),
        out: &mut Outbox,
    ) -> Result<(), Halt> {
        let busy = || self.branch.is_some().then(|| "a reorganisation is under way; try again".to_owned());
        if let Some(reason) = chains.refuse_test_command().or_else(busy) {
            out.reply(ticket, Reply::Refused(reason));
            return Ok(());
        }
        // What was told so far is told as it was.
        chains.active.commit(now, out)?;
        match OwnBranch::begin(now, (ticket, order), self.payee, chains.active.chain(), templates)? {
            Ok(branch) => self.branch = Some(Box::new(branch)),
            Err(reason) => out.reply(ticket, Reply::Refused(reason)),
        }
        Ok(())
    }

    /// Goes on with the other blocks, if some are being made, and answers once the chain is on them.
    pub(super) fn step(
        &mut self,
        now: Now,
        (chains, templates): (&mut ChainManager, &mut TemplateMaker),
        out: &mut Outbox,
    ) -> Result<(), Halt> {
        let Some(mut branch) = self.branch.take_if(|branch| now.mono >= branch.next_slice) else { return Ok(()) };
        match branch.step(now, chains.active.chain(), templates)? {
            Step::GoesOn => self.branch = Some(branch),
            Step::Failed(reason) => out.reply(branch.ticket, Reply::Refused(reason)),
            Step::Done => {
                let ticket = branch.ticket;
                let done = chains.adopt(now, *branch, out)?;
                out.reply(ticket, Reply::Reorganised(Box::new(done)));
            }
        }
        Ok(())
    }

    /// When to go on.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.branch.as_ref().map(|branch| branch.next_slice)
    }

    /// Gives up what is being made.
    pub(super) fn stop(&mut self, out: &mut Outbox) {
        if let Some(branch) = self.branch.take() {
            out.reply(branch.ticket, Reply::Refused("the node stops".to_owned()));
        }
    }
}

impl ChainManager {
    /// Moves the chain onto a branch of this node that has more work, in one commit with what then waits in the mempool.
    fn adopt(&mut self, now: Now, branch: OwnBranch, out: &mut Outbox) -> Result<Reorganised, Halt> {
        let OwnBranch { give_back, removed, made, .. } = branch;
        self.active.commit(now, out)?;
        let mut rows: Vec<HeaderRow> = made.iter().map(|(row, _)| row.clone()).collect();
        let fork = rows.first().map_or(Hash::ZERO, |row| row.header.previous);
        self.active.put_headers(now, &rows)?;
        made.iter().try_for_each(|(_, block)| self.active.put_body(now, block))?;
        let added: Vec<Hash> = rows.iter().map(|row| row.hash).collect();
        if let Err(Culprit { row, fault }) = self.active.rewind(now, &fork, &added, Origin::Ledger, out)? {
            return Err(Halt::Invariant(format!("block {} of this node is invalid: {fault}", row.hash)));
        }
        if !give_back {
            self.active.leave_out(now, &removed, out)?;
        }
        self.active.give_back(now, out)?;
        self.active.keep_pool(now)?;
        // Before the chain moves onto them.
        rows.iter_mut().for_each(|row| row.status = BlockStatus::Stored);
        self.taken.extend(rows.iter().map(|row| (row.header.height, row.hash)));
        out.tell(ToHeaders::BlocksValidAgain(rows));
        self.active.commit(now, out)?;
        Ok(Reorganised { removed, added })
    }
}
