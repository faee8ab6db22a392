//! Answers to peers and programs.

use crate::{
    base::{
        codec::List,
        hash::Hash,
        ids::{LinkId, Ticket},
        limits,
        time::Now,
    },
    node::{
        Outbox, PeerFault,
        command::{Command, Reply},
        fault::Halt,
        report::Counter,
    },
    wire::{frame::Frame, message::Message},
};

use super::Ledger;

impl Ledger {
    /// Answers one frame. Requests are small and answered one per event: the poll loop is fair between links, and stops
    /// reading from one that does not read our answers.
    pub(super) fn serve(&mut self, link: LinkId, frame: &Frame, out: &mut Outbox) -> Result<(), Halt> {
        match frame.open() {
            Ok(Message::GetBlock(hash)) => self.serve_block(link, hash, out),
            Ok(Message::GetMemoryPool(ids)) => {
                if ids.is_empty() {
                    self.serve_ids(link, out);
                } else {
                    self.serve_transactions(link, &ids, out);
                }
                Ok(())
            }
            Ok(other) => {
                out.fault(link, PeerFault::Unexpected(other.kind()));
                Ok(())
            }
            Err(fault) => {
                out.fault(link, fault.into());
                Ok(())
            }
        }
    }

    pub(super) fn command(&mut self, now: Now, ticket: Ticket, command: Command, out: &mut Outbox) -> Result<(), Halt> {
        let reply = match command {
            Command::Template(address) => Reply::Template(self.template(now, address, out)?),
            Command::Mempool { limit } => {
                Reply::Mempool(self.pool.ids().take(limit).filter_map(|txid| self.pool.entry(txid)).collect())
            }
            Command::PoolEntry(txid) => match self.pool.entry(&txid) {
                Some(entry) => Reply::PoolEntry(entry),
                None => Reply::NotFound(format!("transaction {txid} in the mempool")),
            },
            other => Reply::Refused(format!("not for the ledger: {other:?}")),
        };
        out.reply(ticket, reply);
        Ok(())
    }

    fn serve_block(&mut self, link: LinkId, hash: Hash, out: &mut Outbox) -> Result<(), Halt> {
        match self.chain.store.served_body(&hash)? {
            Some(body) => {
                out.send(link, &Message::Block(body));
                out.count(Counter::BlocksServed, 1);
            }
            None => out.send(link, &Message::Absent(hash)),
        }
        Ok(())
    }

    /// Lists what is in the mempool, page by page: each answer goes on where the link's last one ended, and one that is
    /// not full is the last before the next begins anew.
    fn serve_ids(&mut self, link: LinkId, out: &mut Outbox) {
        let page = self.pool.page(self.listed.remove(&link), limits::MAX_MEMORY_POOL_IDS);
        if page.len() == limits::MAX_MEMORY_POOL_IDS
            && let Some((rank, _)) = page.last()
        {
            self.listed.insert(link, *rank);
        }
        out.send(link, &Message::MemoryPool(List::truncated(page.into_iter().map(|(_, txid)| txid))));
    }

    /// Sends those of the transactions that are here, as many as a link takes at once.
    fn serve_transactions(&self, link: LinkId, ids: &[Hash], out: &mut Outbox) {
        let mut room = limits::SEND_SOFT_BYTES;
        for entry in ids.iter().filter_map(|txid| self.pool.entry(txid)) {
            room = match room.checked_sub(entry.transaction.size) {
                Some(room) => room,
                None => return,
            };
            out.send(link, &Message::Transaction(entry.transaction.transaction.to_bytes().into()));
        }
    }
}
