//! Answers about the last blocks to peers that put them together.

use crate::{
    base::{ids::LinkId, time::Time},
    chain::archive::StoreError,
    node::{Outbox, PeerFault},
    wire::{frame::Frame, message::Message},
};

use super::chain_manager::ChainManager;

impl ChainManager {
    /// Answers a `GetBlockTransactions`.
    pub(super) fn serve_compact(
        &mut self,
        now: Time,
        link: LinkId,
        frame: &Frame,
        out: &mut Outbox,
    ) -> Result<(), StoreError> {
        match frame.open() {
            Ok(Message::GetBlockTransactions(hash, positions)) => {
                return self.compact.answer(now, link, (hash, &positions), self.active.chain(), out);
            }
            Ok(other) => out.fault(link, PeerFault::Unexpected(other.kind())),
            Err(fault) => out.fault(link, fault.into()),
        }
        Ok(())
    }
}
