//! The `ledger` role: the applied chain, reorganisations, the mempool, and the serving of both. The only writer of the
//! ledger's store.
//!
//! | object | owns, and keeps true |
//! |---|---|
//! | [`Chainstate`] | store, coin changes, tip: together they are the coins at the tip, with the header's digest |
//! | [`Committer`] | the chainstate and its uncommitted changes: users hear only of committed ones |
//! | [`Mempool`] | transactions that the next block could confirm, within a limit of bytes |
//! | [`ActiveChain`] | committer and mempool: each block connected or disconnected reaches both |
//! | [`ChainManager`] | the active chain and all other blocks: the chain is on the stored branch with the most work |
//! | [`CompactBlocks`] | the short form of the last blocks |
//! | [`Server`] | where each peer is in the mempool's list |
//! | [`TemplateMaker`] | the extra nonces: no two templates search the same headers |
//!
//! Peers hear of a block once it is checked and only storing it is left ([`ToGossip::BlockValidated`]), users once it is
//! committed. The role itself only passes events on.

mod abandoned;
mod active_chain;
mod again;
mod await_header;
mod blame;
mod block_check;
mod branch_view;
mod chain_manager;
mod chain_view;
mod chainstate;
mod committer;
mod compact;
mod deliverers;
mod displaced;
mod early;
mod expected;
mod expiry;
mod failure;
#[cfg(test)]
pub(crate) mod fake;
mod flushes;
mod joining;
mod keeper;
mod marks;
mod mempool;
mod moved;
mod own_branch;
pub(in crate::node) mod past;
mod pool;
mod pool_changes;
mod progress;
mod proposals;
mod propose;
mod relatives;
mod reorganise;
mod replacement;
mod serve_compact;
mod server;
mod submitted;
mod template;
mod test_commands;
#[cfg(test)]
mod tests;
mod too_deep;
mod upkeep;
mod waiting;
mod without_coins;

use crate::{
    base::{
        ids::{LinkId, Ticket},
        limits,
        time::{Now, Time},
    },
    chain::{
        archive::{BlockStatus, LedgerStore},
        snapshot::JoinState,
    },
    node::{
        Halt, Input, Origin, Outbox, PeerLink, Role, Setup, SyncState,
        command::{LedgerCommand, Reply, TestCommand},
        notice::{ToHeaders, ToHistory, ToLedger, ToMiner, ToSealer, ToSnapshot},
        report::Report,
    },
    wire::{frame::Frame, message::Kind},
};

use chain_manager::ChainManager;
use joining::Joining;
use own_branch::Reorganiser;
use server::Server;
use template::TemplateMaker;

#[cfg(doc)]
use {
    crate::node::notice::ToGossip, active_chain::ActiveChain, chainstate::Chainstate, committer::Committer,
    compact::CompactBlocks, mempool::Mempool,
};

type LedgerInput = Input<PeerLink, ToLedger, LedgerCommand>;

/// The `ledger` role.
pub struct Ledger {
    chains: ChainManager,
    server: Server,
    templates: TemplateMaker,
    reorganiser: Reorganiser,
    phase: Phase,
    /// The coins are not here yet.
    joining: Option<Joining>,
    /// Join with a snapshot if there are no blocks.
    wants_to_join: bool,
}

/// How far the role's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The store's tip is not loaded.
    New,
    Running,
    /// Nothing is done after a failure or a stop.
    Ended,
}

impl Ledger {
    /// A role that has heard nothing yet.
    pub fn new(setup: &Setup, store: Box<dyn LedgerStore>) -> Self {
        let mempool_bytes = limits::scaled(limits::MEMPOOL_BYTES, setup.memory_percent, 100);
        Self::with_mempool(setup, store, mempool_bytes)
    }

    /// A role with a mempool of at most this many bytes.
    fn with_mempool(setup: &Setup, store: Box<dyn LedgerStore>, mempool_bytes: usize) -> Self {
        Self {
            chains: ChainManager::new(setup, store, mempool_bytes),
            server: Server::default(),
            templates: TemplateMaker::new(setup),
            reorganiser: Reorganiser::new(setup),
            phase: Phase::New,
            joining: None,
            wants_to_join: setup.join.is_some(),
        }
    }

    fn take(&mut self, now: Now, input: LedgerInput, out: &mut Outbox) -> Result<(), Halt> {
        match input {
            Input::Start => self.on_start(now, out),
            Input::Link(event) => self.on_link(now, event, out),
            Input::Notice(notice) => self.on_notice(now, notice, out),
            Input::Command(ticket, command) => self.on_command(now, ticket, command, out),
            Input::Wake => self.on_wake(now, out),
            Input::Stop => self.on_stop(now, out),
        }
    }

    fn on_start(&mut self, now: Now, out: &mut Outbox) -> Result<(), Halt> {
        self.phase = Phase::Running;
        let chain = self.chains.active_mut().bare_mut();
        if chain.begins_without_coins(self.wants_to_join)? {
            chain.load()?;
            out.report(Report::Joined(JoinState::Joining));
            self.joining = Some(Joining::start(chain, out)?);
            return Ok(());
        }
        self.chains.start(now, out)?;
        self.report_join(out)
    }

    /// Tells where the coins are from, and which blocks are not here.
    fn report_join(&self, out: &mut Outbox) -> Result<(), Halt> {
        let store = self.chains.active().chain().store();
        let joined = store.join_state()?;
        if joined != JoinState::History {
            out.report(Report::Joined(joined));
        }
        out.tell(ToHistory::Begin { kept_from: store.kept_from() });
        Ok(())
    }

    fn on_wake(&mut self, now: Now, out: &mut Outbox) -> Result<(), Halt> {
        self.reorganiser.step(now, (&mut self.chains, &mut self.templates), out)?;
        Ok(self.chains.active_mut().wake(now, out)?)
    }

    fn on_stop(&mut self, now: Now, out: &mut Outbox) -> Result<(), Halt> {
        let phase = std::mem::replace(&mut self.phase, Phase::Ended);
        self.reorganiser.stop(out);
        if phase == Phase::Running {
            self.chains.active_mut().stop(now, out)?;
        }
        Ok(())
    }

    /// Little belongs to a link: a page of the mempool's list, a limit. Answers to dead ones are ignored.
    fn on_link(&mut self, now: Now, event: PeerLink, out: &mut Outbox) -> Result<(), Halt> {
        match event {
            PeerLink::Up { .. } => {}
            PeerLink::Frame { link, frame } => self.on_message(now, link, &frame, out)?,
            PeerLink::Closed { link, .. } => {
                self.server.closed(link);
                self.chains.compact_mut().closed(link);
            }
        }
        Ok(())
    }

    fn on_message(&mut self, now: Now, link: LinkId, frame: &Frame, out: &mut Outbox) -> Result<(), Halt> {
        if frame.kind == Kind::GetBlockTransactions {
            return Ok(self.chains.serve_compact(now.mono, link, frame, out)?);
        }
        let active = self.chains.active();
        Ok(self.server.answer(link, frame, active.chain(), active.pool(), out)?)
    }

    fn on_notice(&mut self, now: Now, notice: ToLedger, out: &mut Outbox) -> Result<(), Halt> {
        let active = self.chains.active_mut();
        match notice {
            ToLedger::StoreHeaders(rows) => {
                self.chains.store_headers(now, &rows, out)?;
                self.chains.take_early(now, &rows, out)?;
            }
            ToLedger::BestChain { height, work } => active.set_best(height, work),
            ToLedger::NotarisedAgain { hash, work } => self.chains.notarised_again(now, (hash, work), out)?,
            ToLedger::BlockChecked { origin: Origin::Proposal, block } => {
                self.chains.take_proposal(now, &block, out)?
            }
            ToLedger::BlockChecked { origin, block } => self.chains.block_checked(now, origin, block, out)?,
            ToLedger::BodyInvalid { hash, origin, fault } => {
                self.chains.body_invalid(now, (origin, &hash), fault, out)?;
            }
            ToLedger::Admit { origin, transaction, replace } => {
                active.admit(now, origin, (transaction, replace), out)?;
            }
            ToLedger::OfferPool { link } => self.server.offer_pool(link, active.pool(), out),
            ToLedger::WantTemplate { address } => {
                let template = self.templates.make(now, address, active, out)?;
                out.tell(ToMiner::Template(template));
            }
            ToLedger::WantProposal { parent, address } => {
                let is_tip = active.chain().tip().hash == parent;
                let template = is_tip.then(|| self.templates.make(now, address, active, out)).transpose()?;
                out.tell(ToSealer::Template(template));
            }
            ToLedger::WantPlace { block } => {
                if let Some(row) = active.chain().store().header(&block)? {
                    let (height, view) = (row.header.height, row.work.view());
                    let is_applied = row.status == BlockStatus::Applied;
                    out.tell(ToSealer::PlaceFound { block, height, view, is_applied });
                }
            }
            ToLedger::KeepPast(blocks) => active.keep_past(now, &blocks, out)?,
            ToLedger::AbandonJoin | ToLedger::HeadersRest => {}
            ToLedger::AdoptSnapshot(_) => log::warn!("a snapshot came to a ledger that has its coins"),
            ToLedger::Final { height, hash } => self.chains.set_final(height, hash)?,
            ToLedger::State(state) => active.set_synced(now, state == SyncState::Synced, out)?,
        }
        Ok(())
    }

    fn on_command(&mut self, now: Now, ticket: Ticket, command: LedgerCommand, out: &mut Outbox) -> Result<(), Halt> {
        if command == LedgerCommand::Save {
            self.chains.active_mut().save(now, out)?;
        }
        if let LedgerCommand::Test(TestCommand::Reorganise(order)) = command {
            let makers = (&mut self.chains, &mut self.templates);
            return self.reorganiser.begin(now, (ticket, order), makers, out);
        }
        if let LedgerCommand::Test(command) = command {
            let reply = self.chains.test_command(now, command, out)?;
            out.reply(ticket, reply);
            return Ok(());
        }
        let (pool, chain) = (self.chains.active().pool(), self.chains.active().chain());
        let reply = match command {
            LedgerCommand::Save | LedgerCommand::Test(_) => Reply::Done,
            LedgerCommand::Template(address) => {
                Reply::Template(self.templates.make(now, address, self.chains.active_mut(), out)?)
            }
            LedgerCommand::Mempool { limit } => {
                Reply::Mempool(pool.ids().take(limit).filter_map(|txid| pool.entry(txid)).collect())
            }
            LedgerCommand::PoolEntry(txid) => match (pool.entry(&txid), pool.displaced.find(&txid)) {
                (Some(entry), _) => Reply::PoolEntry(entry),
                (None, Some((transaction, by))) => Reply::Displaced(transaction.clone(), *by),
                (None, None) => Reply::NotFound(format!("transaction {txid} in the mempool")),
            },
            LedgerCommand::MayReplace(hashed) => pool.may_replace(&hashed, chain.spec().replacement_rate()),
        };
        out.reply(ticket, reply);
        Ok(())
    }

    /// Handles one input. A block that was only passed on is connected first; nothing else happens between the two.
    fn step(&mut self, now: Now, input: LedgerInput, out: &mut Outbox) -> Result<(), Halt> {
        if let Some(mut joining) = self.joining.take() {
            if self.step_joining(&mut joining, now, input, out)? {
                // As after a restart.
                out.tell(ToSnapshot::Adopted(Ok(())));
                out.tell(ToHeaders::Joined);
                self.chains.start(now, out)?;
                return self.report_join(out);
            }
            self.joining = Some(joining);
            return Ok(());
        }
        if self.chains.connect_validated(now)? {
            self.chains.settle(now, out)?;
        }
        self.take(now, input, out)?;
        if self.phase != Phase::Ended && self.joining.is_none() {
            self.chains.settle(now, out)?;
        }
        Ok(())
    }
}

impl Role for Ledger {
    type Input = LedgerInput;

    fn handle(&mut self, now: Now, input: LedgerInput, out: &mut Outbox) {
        if self.phase == Phase::Ended {
            if let Input::Command(ticket, _) = input {
                out.reply(ticket, Reply::Refused("the ledger has stopped".to_owned()));
            }
            return;
        }
        if let Err(halt) = self.step(now, input, out) {
            self.phase = Phase::Ended;
            log::error!("the ledger stops: {halt}");
            out.halt(halt);
        }
    }

    fn deadline(&self) -> Option<Time> {
        match &self.joining {
            _ if self.phase == Phase::Ended => None,
            Some(joining) => joining.deadline(),
            None => self.chains.deadline().into_iter().chain(self.reorganiser.deadline()).min(),
        }
    }
}
