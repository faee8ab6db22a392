//! The `miner` role: proof of work on the ledger's templates.
//!
//! It searches in slices of about 2 ms, one per wake, so that a new tip or a stop is heard at once. A block that it
//! finds goes the way of every block; the miner goes on when the ledger says that the chain moved.

mod clock;
mod pace;
pub(in crate::node) mod search;
#[cfg(test)]
mod tests;
mod waiting;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use crate::{
    base::{
        hash::Hash,
        ids::Ticket,
        limits,
        rng::Rng,
        time::{Now, Time},
    },
    chain::{address::Address, key::SecretKey, spec::ChainSpec},
    node::{
        ChainMove, Input, Nothing, Outbox, Role, Setup, SyncState, Template,
        command::{MinerCommand, Reply},
        hindrance::Finding,
        notice::{ToFetch, ToHeaders, ToLedger, ToMiner},
        report::{Counter, Report},
    },
};

use clock::StepPause;
use pace::{Meter, Throttle};
use search::{MinedBlock, Search};
use waiting::Waiting;

/// Of 64 random bits a search starts with 52, which leaves room to count up to 2^53.
const NONCE_SHIFT: u32 = 12;
/// Own blocks that are remembered until they are applied.
const FOUND: usize = 16;

/// The `miner` role.
pub struct Miner {
    spec: Arc<ChainSpec>,
    /// Who is paid for blocks that nobody ordered; `None`: mine only what is ordered.
    payee: Option<Address>,
    /// Time between blocks on an instant chain; `None`: a block when a transaction waits.
    interval: Option<Duration>,
    rng: Rng,
    state: SyncState,
    /// Why no block made now would be of use.
    held: Option<String>,
    /// Why the host keeps the node from making blocks.
    hindered_by_host: Option<String>,
    step: StepPause,
    tip: Option<Hash>,
    /// Transactions in the mempool.
    waiting: usize,
    orders: VecDeque<Order>,
    stage: Stage,
    throttle: Throttle,
    meter: Meter,
    hindered: Waiting,
    /// Other nodes were named: this one does not begin a network.
    names_others: bool,
    /// Own blocks on their way to the ledger, oldest first, with the order that they are for.
    found: VecDeque<(Hash, Option<Ticket>)>,
    next_slice: Time,
    /// When an instant chain's next block is due.
    next_block: Time,
}

/// A `mine` command.
#[derive(Debug)]
struct Order {
    ticket: Ticket,
    address: Address,
    blocks: usize,
    mined: Vec<Hash>,
}

#[derive(Debug)]
enum Stage {
    /// Nothing to do.
    Idle,
    /// Waiting for a template that pays to this address.
    Asked { address: Address, at: Time },
    /// Searching.
    Searching(Box<Search>),
    /// Waiting for the ledger to apply what was found.
    Found { at: Time },
}

impl Miner {
    /// A role that has heard nothing yet.
    pub fn new(setup: &Setup, rng: Rng) -> Self {
        Self {
            spec: setup.spec.clone(),
            payee: setup.mine,
            interval: setup.block_interval_ms.map(Duration::from_millis).filter(|_| setup.spec.instant),
            rng,
            state: SyncState::default(),
            held: None,
            hindered_by_host: None,
            step: StepPause::default(),
            tip: None,
            waiting: 0,
            orders: VecDeque::new(),
            stage: Stage::Idle,
            throttle: Throttle::new(setup.mine_rate),
            meter: Meter::default(),
            hindered: Waiting::default(),
            names_others: setup.names_others(),
            found: VecDeque::new(),
            next_slice: Time::default(),
            next_block: Time::default(),
        }
    }

    fn on_notice(&mut self, now: Now, notice: ToMiner) {
        match notice {
            ToMiner::State(state) => self.state = state,
            ToMiner::Hold(reason) => self.held = reason,
            ToMiner::ChainMoved(moved) => self.chain_moved(now, &moved),
            ToMiner::PoolChanged { added, removed } => self.pool_changed(added, removed),
            ToMiner::Template(template) => self.template(now, &template),
        }
    }

    fn on_command(&mut self, ticket: Ticket, command: MinerCommand, out: &mut Outbox) {
        match command {
            MinerCommand::Mine { blocks, address } => self.order(ticket, blocks, address, out),
            MinerCommand::Hold(reason) => {
                self.hindered_by_host = reason;
                out.reply(ticket, Reply::Done);
            }
            MinerCommand::ClockSet => {
                self.step = StepPause::default();
                out.tell(ToHeaders::ClockSet);
                out.reply(ticket, Reply::Done);
            }
        }
    }

    fn on_stop(&mut self, out: &mut Outbox) {
        let orders = std::mem::take(&mut self.orders);
        orders.iter().for_each(|order| out.reply(order.ticket, Reply::Refused("the node stops".to_owned())));
        (self.payee, self.stage) = (None, Stage::Idle);
    }

    /// Completes orders, and makes the stage fit what is wanted now.
    fn after_input(&mut self, now: Now, out: &mut Outbox) {
        self.complete_orders(out);
        if let Some(reason) = self.hindered_by_host.as_ref().or(self.held.as_ref()) {
            let refusal = format!("no block can be made: {reason}");
            let orders = std::mem::take(&mut self.orders);
            orders.iter().for_each(|order| out.reply(order.ticket, Reply::Refused(refusal.clone())));
        }
        self.drive(now, out);
        let why = if self.payee.is_some() && !self.is_enabled() { self.waits_for() } else { None };
        self.hindered.note(now, why, out);
        let enabled = self.is_enabled() || !self.orders.is_empty();
        if let Some(hashes_per_second) = self.meter.report(now, enabled) {
            out.report(Report::Mining { enabled, hashes_per_second });
        }
    }

    fn waits_for(&self) -> Option<Finding> {
        waiting::reason(self.state, self.hindered_by_host.as_deref(), self.held.as_deref(), self.names_others)
    }

    /// Whether blocks are mined without an order, now or as soon as one is due.
    fn is_enabled(&self) -> bool {
        let allowed = match self.state {
            SyncState::Synced => true,
            SyncState::Isolated => self.spec.test,
            _ => false,
        };
        self.payee.is_some() && allowed && self.held.is_none() && self.hindered_by_host.is_none()
    }

    /// Who the block to be mined now pays to; `None`: none is to be mined.
    fn wanted(&self, now: Now) -> Option<Address> {
        if self.step.holds() {
            return None;
        }
        if let Some(order) = self.orders.front() {
            return Some(order.address);
        }
        let due = match self.interval {
            Some(_) => now.mono >= self.next_block,
            None => !self.spec.instant || self.waiting > 0,
        };
        self.payee.filter(|_| due && self.is_enabled())
    }

    /// Makes the stage fit what is wanted now.
    fn drive(&mut self, now: Now, out: &mut Outbox) {
        let Some(address) = self.wanted(now) else {
            self.stage = Stage::Idle;
            return;
        };
        let ask = match &mut self.stage {
            Stage::Idle => true,
            Stage::Asked { address: payee, at } => *payee != address || now.mono >= *at + limits::MINE_TIMEOUT,
            Stage::Found { at } => now.mono >= *at + limits::MINE_TIMEOUT,
            Stage::Searching(search) if search.address != address => true,
            Stage::Searching(search) => {
                if search.stale && now.mono >= search.asked + limits::MINE_REFRESH {
                    // The search goes on until the better template is there.
                    (search.stale, search.asked) = (false, now.mono);
                    out.tell(ToLedger::WantTemplate { address });
                }
                false
            }
        };
        if ask {
            self.stage = Stage::Asked { address, at: now.mono };
            out.tell(ToLedger::WantTemplate { address });
        }
    }

    fn template(&mut self, now: Now, template: &Template) {
        let (address, asked) = match &self.stage {
            Stage::Asked { address, at } => (*address, *at),
            Stage::Searching(search) => (search.address, search.asked),
            // The reason to ask is gone.
            Stage::Idle | Stage::Found { .. } => return,
        };
        // An answer to an earlier question: the current one's is on its way.
        if self.tip.is_some_and(|tip| template.header.previous != tip) || !search::pays(template, &address) {
            return;
        }
        let for_transactions = self.spec.instant && self.interval.is_none() && self.orders.is_empty();
        if for_transactions && template.transactions == 0 {
            return;
        }
        // Programs whose numbers are exact to 2^53 only, such as JavaScript's, read what comes of it.
        let nonce = self.rng.next_u64() >> NONCE_SHIFT;
        if let Some(search) = Search::new(template, address, nonce, asked) {
            if !matches!(self.stage, Stage::Searching(_)) {
                self.next_slice = now.mono;
            }
            self.stage = Stage::Searching(Box::new(search));
        }
    }

    fn chain_moved(&mut self, now: Now, moved: &ChainMove) {
        if self.tip.replace(moved.tip.hash) == Some(moved.tip.hash) {
            return;
        }
        self.stage = Stage::Idle;
        for (hash, _) in &moved.added {
            let Some(at) = self.found.iter().position(|(found, _)| found == hash) else { continue };
            let ordered = self.found.remove(at).and_then(|(_, ticket)| ticket);
            if let Some(order) = self.orders.iter_mut().find(|order| Some(order.ticket) == ordered) {
                order.mined.push(*hash);
            }
            if let Some(interval) = self.interval {
                self.next_block = now.mono + interval;
            }
        }
    }

    fn pool_changed(&mut self, added: usize, removed: usize) {
        self.waiting = self.waiting.saturating_add(added).saturating_sub(removed);
        if added == 0 {
            return;
        }
        match &mut self.stage {
            Stage::Searching(search) => search.stale = true,
            // A template without transactions may have been the answer: nothing would come of waiting for another.
            Stage::Asked { .. } if self.spec.instant => self.stage = Stage::Idle,
            _ => {}
        }
    }

    /// Tries the next slice of nonces if it is due.
    fn on_wake(&mut self, now: Now, out: &mut Outbox) {
        let Stage::Searching(search) = &mut self.stage else { return };
        if now.mono < self.next_slice {
            return;
        }
        let ordered = !self.orders.is_empty() || self.spec.instant;
        let count = if ordered { limits::MINE_SLICE_HASHES } else { self.throttle.allowance(now.mono) };
        let (tried, found) = search.run(count, now.unix);
        if ordered {
            self.next_slice = now.mono;
        } else {
            self.throttle.spend(tried);
            self.next_slice = self.throttle.next(now.mono);
        }
        if tried > 0 {
            self.meter.add(tried);
            out.count(Counter::Hashes, tried);
        }
        if let Some(MinedBlock { hash, block }) = found {
            log::debug!("block found: block={hash}");
            out.count(Counter::BlocksMined, 1);
            if self.found.len() >= FOUND {
                self.found.pop_front();
            }
            self.found.push_back((hash, self.orders.front().map(|order| order.ticket)));
            self.stage = Stage::Found { at: now.mono };
            out.tell(ToFetch::Produced { block });
        }
    }

    fn order(&mut self, ticket: Ticket, blocks: u32, address: Option<Address>, out: &mut Outbox) {
        let refusal = if !self.spec.test {
            Some(format!("blocks are made to order on test chains only, and {} is none", self.spec.name))
        } else if blocks == 0 || blocks > limits::MINE_ORDER_BLOCKS {
            Some(format!("1 to {} blocks can be ordered at once", limits::MINE_ORDER_BLOCKS))
        } else if self.orders.len() >= limits::MINE_ORDERS {
            Some("too many orders are waiting".to_owned())
        } else {
            None
        };
        if let Some(reason) = refusal {
            out.reply(ticket, Reply::Refused(reason));
            return;
        }
        let address = address.or(self.payee).unwrap_or_else(|| SecretKey::well_known(0).address());
        self.orders.push_back(Order { ticket, address, blocks: blocks as usize, mined: Vec::new() });
    }

    fn complete_orders(&mut self, out: &mut Outbox) {
        while self.orders.front().is_some_and(|order| order.mined.len() >= order.blocks) {
            let done = self.orders.pop_front().into_iter();
            done.for_each(|order| out.reply(order.ticket, Reply::Mined(order.mined)));
        }
    }
}

impl Role for Miner {
    type Input = Input<Nothing, ToMiner, MinerCommand>;

    fn handle(&mut self, now: Now, input: Self::Input, out: &mut Outbox) {
        if self.step.look(now) {
            self.stage = Stage::Idle;
        }
        match input {
            Input::Start => self.next_block = now.mono + self.interval.unwrap_or_default(),
            Input::Notice(notice) => self.on_notice(now, notice),
            Input::Command(ticket, command) => self.on_command(ticket, command, out),
            Input::Wake => self.on_wake(now, out),
            Input::Stop => return self.on_stop(out),
        }
        self.after_input(now, out);
    }

    fn deadline(&self) -> Option<Time> {
        let stage = match &self.stage {
            Stage::Idle => self.interval.filter(|_| self.is_enabled()).map(|_| self.next_block),
            Stage::Asked { at, .. } | Stage::Found { at } => Some(*at + limits::MINE_TIMEOUT),
            Stage::Searching(search) if search.stale => Some(self.next_slice.min(search.asked + limits::MINE_REFRESH)),
            Stage::Searching(_) => Some(self.next_slice),
        };
        stage.into_iter().chain(self.meter.deadline()).chain(self.hindered.deadline()).chain(self.step.deadline()).min()
    }
}
