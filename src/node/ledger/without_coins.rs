//! What the role does with each input while it has no coins.

use super::{Ledger, LedgerInput, Phase, chainstate::Chainstate, joining::Joining};
use crate::{
    base::time::Now,
    node::{
        Halt, Origin, Outbox, PeerLink, Refusal, SyncState,
        command::{LedgerCommand, Reply},
        notice::{ProposalFault, ToGossip, ToLedger, ToSealer},
    },
    wire::message::Kind,
};

impl Ledger {
    /// The applied chain while its coins are not here.
    pub(super) fn bare_mut(&mut self) -> &mut Chainstate {
        self.chains.active_mut().bare_mut()
    }

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
                joining.stop(self.bare_mut(), out)?;
                return Ok(false);
            }
        }
        let chain = self.bare_mut();
        if joining.begin_next(now.mono, chain, out)? {
            return Ok(true);
        }
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
            ToLedger::StoreHeaders(rows) => {
                joining.take(now.mono, &rows, self.bare_mut())?;
                for block in joining.found(&rows) {
                    self.on_notice(now, ToLedger::WantPlace { block }, out)?;
                }
            }
            ToLedger::HeadersRest => joining.headers_rest(),
            ToLedger::AbandonJoin => joining.abandon_next(out),
            ToLedger::AdoptSnapshot(manifest) => joining.adopt_next(manifest, out),
            ToLedger::BlockChecked { origin: Origin::Proposal, block } => {
                let result = Err(ProposalFault::Unready);
                out.tell(ToSealer::ProposalChecked { hash: block.hash, result });
            }
            ToLedger::Admit { origin, transaction, .. } => {
                let result = Err(Refusal::NotSynced(SyncState::Snapshot));
                out.tell(ToGossip::Admitted { origin, transaction, result });
            }
            ToLedger::WantProposal { .. } => out.tell(ToSealer::Template(None)),
            notice @ ToLedger::WantPlace { block } => {
                if self.bare_mut().store().header(&block)?.is_none() {
                    joining.look_out_for(block);
                }
                self.on_notice(now, notice, out)?;
            }
            notice @ (ToLedger::Final { .. } | ToLedger::NotarisedAgain { .. } | ToLedger::OfferPool { .. }) => {
                self.on_notice(now, notice, out)?;
            }
            ToLedger::BestChain { .. }
            | ToLedger::State(_)
            | ToLedger::BlockChecked { .. }
            | ToLedger::BodyInvalid { .. }
            | ToLedger::KeepPast(_)
            | ToLedger::WantTemplate { .. } => {}
        }
        Ok(())
    }
}

/// What a command hears.
fn refuse(command: LedgerCommand) -> Reply {
    match command {
        LedgerCommand::Save => Reply::Done,
        LedgerCommand::Template(_) | LedgerCommand::Test(_) => {
            Reply::Refused("the node joins with a snapshot".to_owned())
        }
        LedgerCommand::Mempool { .. } => Reply::Mempool(Vec::new()),
        LedgerCommand::PoolEntry(txid) => Reply::NotFound(format!("transaction {txid} in the mempool")),
        LedgerCommand::MayReplace(_) => Reply::Done,
    }
}
