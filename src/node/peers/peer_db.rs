//! The peer book's file. When it fails, the node warns, and goes on with the book in memory.

use super::book::Change;
use crate::{
    base::limits::ANCHORS,
    chain::archive::{Anchor, Ban, Banned, BookContents, PeerStore, StoreError},
    node::{Outbox, report::Report},
};

/// Writes changes to the file, until that fails.
pub(super) struct PeerDb {
    /// `None` after a failure: nothing is retried on a handle that failed.
    store: Option<Box<dyn PeerStore>>,
    anchors: Vec<Anchor>,
    /// A failure before there was an outbox to report it in.
    failure: Option<String>,
}

impl PeerDb {
    /// Reads everything; a store that cannot be read counts as empty.
    pub(super) fn open(mut store: Box<dyn PeerStore>) -> (Self, BookContents) {
        let (store, contents, failure) = match store.load() {
            Ok(contents) => (Some(store), contents, None),
            Err(error) => (None, BookContents::default(), Some(error.to_string())),
        };
        let anchors = contents.anchors.iter().copied().take(ANCHORS).collect();
        (Self { store, anchors, failure }, contents)
    }

    /// Peers to dial first.
    pub(super) fn anchors(&self) -> &[Anchor] {
        &self.anchors
    }

    /// Tells the operator when the book could not be read.
    pub(super) fn report(&mut self, out: &mut Outbox) {
        if let Some(error) = self.failure.take() {
            log::warn!("peer book not readable, starting with an empty one error=\"{error}\"");
            out.report(warning(&error));
        }
    }

    /// Writes changes of the book.
    pub(super) fn write(&mut self, changes: &[Change], out: &mut Outbox) {
        for change in changes {
            self.with(out, |store| match change {
                Change::Put(entry) => store.put(entry),
                Change::Forget(address) => store.forget(address),
            });
        }
    }

    /// Sets the anchors to the oldest outbound peers; `outbound` has the oldest first. Earlier anchors fill the places
    /// that are left: a node that loses its last peer, or stops, must still know which addresses to dial first.
    pub(super) fn set_anchors(&mut self, outbound: &[Anchor], out: &mut Outbox) {
        let mut anchors: Vec<Anchor> = outbound.iter().copied().take(ANCHORS).collect();
        for earlier in &self.anchors {
            // A node is an anchor once, wherever it is now.
            let is_same =
                |one: &Anchor| one.address == earlier.address || (one.node.is_some() && one.node == earlier.node);
            if anchors.len() < ANCHORS && !anchors.iter().any(is_same) {
                anchors.push(*earlier);
            }
        }
        if anchors != self.anchors {
            self.with(out, |store| store.set_anchors(&anchors));
            self.anchors = anchors;
        }
    }

    /// Writes a new or changed ban.
    pub(super) fn put_ban(&mut self, ban: &Ban, out: &mut Outbox) {
        self.with(out, |store| store.put_ban(ban));
    }

    /// Removes a ban that ended.
    pub(super) fn lift_ban(&mut self, who: Banned, out: &mut Outbox) {
        self.with(out, |store| store.lift_ban(&who));
    }

    fn with(&mut self, out: &mut Outbox, write: impl FnOnce(&mut dyn PeerStore) -> Result<(), StoreError>) {
        let Some(store) = &mut self.store else { return };
        if let Err(error) = write(store.as_mut()) {
            self.store = None;
            log::warn!("peer book not writable, kept in memory only error=\"{error}\"");
            out.report(warning(&error.to_string()));
        }
    }
}

fn warning(error: &str) -> Report {
    let text = format!("peers.db cannot be used, the peer book is kept in memory only: {error}");
    Report::Warning { key: "peer-book", text: Some(text) }
}
