//! Headers that were ignored because there was no room for a branch without blocks. When such a branch is the best chain
//! and a block of it is applied, the peer is asked for the headers again: perhaps nobody else has them.

use crate::{
    base::{hash::Hash, ids::LinkId, time::Time},
    chain::archive::StoreError,
    node::headers::{
        Headers,
        syncnode::{HeaderSource, Standing},
    },
};

impl HeaderSource {
    /// Its last answer, which goes on from this header, is ignored. A fork of the best chain is ignored for good.
    pub(super) fn ignore(&mut self, now: Time, parent: (u32, Hash), is_on_best: bool) {
        self.done(now);
        self.slow(now);
        self.ignored = Some(parent).filter(|_| !is_on_best);
    }

    /// It is to be asked for the ignored headers. That they were ignored was no failure of the peer.
    fn resume(&mut self, parent: (u32, Hash)) {
        self.ignored = None;
        self.reached = Some(parent);
        self.failures = self.failures.saturating_sub(1);
        self.slow_until = Time(0);
        self.standing = Standing::More;
    }
}

impl Headers {
    /// A block of the best chain is applied: peers have more if their headers above this chain were ignored. A liar gets a
    /// further question only if its branch became the best chain and a block of that chain came.
    pub(super) fn resume_ignored(&mut self) -> Result<(), StoreError> {
        let Some(index) = &self.index else { return Ok(()) };
        let ignored = |(link, peer): (LinkId, &HeaderSource)| Some((link, peer.ignored?));
        let ignored: Vec<_> = self.peers.iter().filter_map(ignored).collect();
        for (link, parent) in ignored {
            if index.is_on_best(parent.0, &parent.1)?
                && let Some(peer) = self.peers.get_mut(link)
            {
                peer.resume(parent);
            }
        }
        Ok(())
    }
}
