//! The role while it has no coins: it applies headers alone, until `snapshot` has those of a block.
//!
//! Only `headers` and `snapshot` hear how far that is. To all others, and to peers, the chain is at its start.

use std::{sync::Arc, time::Duration};

use crate::{
    base::time::{Now, Time},
    chain::{
        archive::{HeaderRow, StoreError},
        snapshot::{Adoption, Manifest},
    },
    node::{
        ChainMove, Halt, Origin, Outbox, PeerLink, Refusal, SyncState,
        command::{LedgerCommand, Reply},
        ledger::{Ledger, LedgerInput, Phase, chainstate::Chainstate},
        notice::{ProposalFault, ToGossip, ToHeaders, ToLedger, ToSealer, ToSnapshot},
    },
    wire::message::Kind,
};

/// Headers that one commit takes.
const COMMIT_HEADERS: usize = 1000;
/// The longest time that headers wait for their commit.
const COMMIT_AFTER: Duration = Duration::from_millis(100);
/// Time between two steps of an adoption, in which other events have their turn.
const STEP_AFTER: Duration = Duration::from_micros(1);

/// What goes on.
#[derive(Debug, Default)]
pub(super) struct Joining {
    /// Headers that are not committed, and since when.
    pending: usize,
    since: Option<Time>,
    /// The snapshot whose coins are being taken, and when the next of them are.
    adopting: Option<(Manifest, Time)>,
    /// The whole history is to be verified instead.
    is_over: bool,
}

impl Joining {
    /// Begins at a start.
    pub(super) fn start(chain: &mut Chainstate, out: &mut Outbox) -> Result<Self, StoreError> {
        out.tell(ToHeaders::Joining);
        out.tell(ToSnapshot::Joining);
        // Headers of an earlier run that was to verify the history.
        let best = chain.store().best_header()?;
        chain.follow_header(&best)?;
        let mut joining = Self::default();
        joining.commit(chain, out)?;
        Ok(joining)
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        let commit = self.since.map(|since| since + COMMIT_AFTER);
        self.adopting.as_ref().map_or(commit, |(_, at)| Some(*at))
    }

    fn commit(&mut self, chain: &mut Chainstate, out: &mut Outbox) -> Result<(), StoreError> {
        (self.pending, self.since) = (0, None);
        chain.commit_headers()?;
        let moved = ChainMove { tip: chain.tip().clone(), removed: Vec::new(), added: Vec::new(), news: None };
        let moved = Arc::new(moved);
        out.tell(ToHeaders::ChainMoved(moved.clone()));
        out.tell(ToSnapshot::ChainMoved(moved));
        Ok(())
    }

    fn take(&mut self, now: Time, rows: &[HeaderRow], chain: &mut Chainstate) -> Result<(), StoreError> {
        if self.adopting.is_some() {
            // What is above the snapshot is forgotten and asked for again.
            return Ok(());
        }
        chain.put_headers(rows)?;
        for row in rows {
            chain.follow_header(row)?;
        }
        self.pending += rows.len();
        self.since.get_or_insert(now);
        Ok(())
    }

    fn commit_if_due(&mut self, now: Time, chain: &mut Chainstate, out: &mut Outbox) -> Result<(), StoreError> {
        let is_due = self.since.is_some_and(|since| now >= since + COMMIT_AFTER) || self.pending >= COMMIT_HEADERS;
        if is_due { self.commit(chain, out) } else { Ok(()) }
    }

    /// Takes the next coins, if it is time. Whether all are here.
    fn adopt(&mut self, now: Time, chain: &mut Chainstate, out: &mut Outbox) -> Result<bool, Halt> {
        let Some((manifest, at)) = &mut self.adopting else { return Ok(false) };
        if now < *at {
            return Ok(false);
        }
        match chain.adopt(manifest)? {
            Adoption::More { done, all } => {
                *at = now + STEP_AFTER;
                out.tell(ToSnapshot::Adopting { done, all });
                Ok(false)
            }
            Adoption::Done(tip) => {
                log::info!("joined: the coins are those after height={} block={}", tip.height, tip.hash);
                Ok(true)
            }
            Adoption::Refused { bucket, fault } => {
                log::warn!("snapshot not taken: height={} fault={fault}", manifest.height());
                self.adopting = None;
                out.tell(ToSnapshot::Adopted(Err((bucket, fault))));
                // Headers that came meanwhile are not stored: they are asked for again.
                out.tell(ToHeaders::Joined);
                out.tell(ToHeaders::Joining);
                chain.load()?;
                self.commit(chain, out)?;
                Ok(false)
            }
        }
    }
}

impl Ledger {
    /// Handles one input while the coins are not here.
    pub(super) fn step_joining(
        &mut self,
        joining: &mut Joining,
        now: Now,
        input: LedgerInput,
        out: &mut Outbox,
    ) -> Result<bool, Halt> {
        match input {
            LedgerInput::Start | LedgerInput::Wake => {}
            LedgerInput::Link(PeerLink::Frame { link, frame }) if frame.kind == Kind::GetBlockTransactions => {
                self.chains.serve_compact(now.mono, link, &frame, out)?;
            }
            LedgerInput::Link(event) => self.on_link(now, event, out)?,
            LedgerInput::Notice(notice) => self.hear_joining(joining, now, notice, out)?,
            LedgerInput::Command(ticket, command) => out.reply(ticket, refuse(command)),
            LedgerInput::Stop => {
                self.phase = Phase::Ended;
                if joining.since.is_some() {
                    joining.commit(self.chains.bare_mut(), out)?;
                }
                return Ok(false);
            }
        }
        if joining.is_over {
            return Ok(true);
        }
        let chain = self.chains.bare_mut();
        joining.commit_if_due(now.mono, chain, out)?;
        joining.adopt(now.mono, chain, out)
    }

    fn hear_joining(
        &mut self,
        joining: &mut Joining,
        now: Now,
        notice: ToLedger,
        out: &mut Outbox,
    ) -> Result<(), Halt> {
        match notice {
            ToLedger::StoreHeaders(rows) => joining.take(now.mono, &rows, self.chains.bare_mut())?,
            ToLedger::AbandonJoin => {
                self.chains.bare_mut().abandon_join()?;
                joining.is_over = true;
            }
            ToLedger::AdoptSnapshot(manifest) => {
                joining.commit(self.chains.bare_mut(), out)?;
                joining.adopting = Some((manifest, now.mono));
            }
            ToLedger::BlockChecked { origin: Origin::Proposal, block } => {
                let result = Err(ProposalFault::Unready);
                out.tell(ToSealer::ProposalChecked { hash: block.hash, result });
            }
            ToLedger::Admit { origin, transaction } => {
                let result = Err(Refusal::NotSynced(SyncState::Snapshot));
                out.tell(ToGossip::Admitted { origin, transaction, result });
            }
            ToLedger::WantProposal { .. } => out.tell(ToSealer::Template(None)),
            notice @ (ToLedger::WantPlace { .. } | ToLedger::Final { .. } | ToLedger::OfferPool { .. }) => {
                self.on_notice(now, notice, out)?;
            }
            ToLedger::BestChain { .. }
            | ToLedger::State(_)
            | ToLedger::BlockChecked { .. }
            | ToLedger::BodyInvalid { .. }
            | ToLedger::WantTemplate { .. } => {}
        }
        Ok(())
    }
}

/// What a command hears.
fn refuse(command: LedgerCommand) -> Reply {
    match command {
        LedgerCommand::Save => Reply::Done,
        LedgerCommand::Template(_) => Reply::Refused("the node joins with a snapshot".to_owned()),
        LedgerCommand::Mempool { .. } => Reply::Mempool(Vec::new()),
        LedgerCommand::PoolEntry(txid) => Reply::NotFound(format!("transaction {txid} in the mempool")),
    }
}
