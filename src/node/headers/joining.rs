//! Joining with a snapshot: headers alone, until the coins of a block are here.
//!
//! Meanwhile the ledger applies headers without their bodies, so that this role's index, its window and its sync node work
//! as ever. `fetch` is told of nothing, and peers are served nothing: this node has no body that a header would promise.

use crate::{
    base::time::Time,
    chain::archive::StoreError,
    node::{
        Outbox, SyncState,
        headers::{
            Headers, candidates::Candidates, index::Index, joiner::Joiner, passing::Passing, unproven::UnprovenBranch,
        },
        notice::{ToFetch, ToSnapshot},
    },
};

impl Headers {
    /// The ledger has no coins: no body is of use.
    pub(super) fn begin_joining(&mut self, out: &mut Outbox) {
        self.joining = Some(Joiner { progress: "looking for a snapshot of the coins".to_owned(), ..Joiner::default() });
        let height = self.index.as_ref().map_or(0, |index| index.applied().height);
        out.tell(ToFetch::Want { fork: height, above: height, hashes: Vec::new() });
    }

    /// All headers that peers have are here, and enough peers were heard: says so, once for each best header.
    pub(super) fn tell_headers_known(&mut self, now: Time, out: &mut Outbox) {
        let has_all =
            self.machine.state() == SyncState::Snapshot && self.index.as_ref().is_some_and(|index| index.all_applied());
        let Some(joining) = self.joining.as_mut().filter(|_| has_all) else { return };
        // A block that comes meanwhile is no reason to wait anew: on a chain of a block a second that would be for ever.
        joining.since.get_or_insert(now);
        if self.joins_at().is_none_or(|until| now < until) {
            return;
        }
        let Some((joining, index)) = self.joining.as_mut().zip(self.index.as_ref()) else { return };
        let best = index.best_hash();
        joining.told = Some(best);
        out.tell(ToSnapshot::HeadersKnown { height: index.best().height, hash: best });
    }

    /// Until when more peers are waited for; `None`: that is not the question.
    pub(super) fn joins_at(&self) -> Option<Time> {
        let (joining, index) = self.joining.as_ref().zip(self.index.as_ref())?;
        let is_open = joining.told != Some(index.best_hash());
        let best = index.best();
        joining.waits_until(best.height, best.work, &self.peers).filter(|_| is_open)
    }

    /// The ledger has the coins of a block and has forgotten the headers above it: begins again from there, with the same
    /// peers.
    pub(super) fn end_joining(&mut self, now: Time, out: &mut Outbox) -> Result<(), StoreError> {
        self.joining = None;
        let Some(index) = self.index.take() else { return Ok(()) };
        let index = Index::load(index.into_archive())?;
        let height = index.applied().height;
        log::info!("joined: headers begin again applied={height} best={}", index.best().height);
        let hashes = index.above(height);
        self.index = Some(index);
        self.fetched = height;
        self.withheld.clear();
        (self.overdue, self.told_best) = (None, None);
        // Chains were left before without a block of them being wanted: that proves nothing.
        self.unproven = UnprovenBranch::default();
        (self.synced_at, self.synced_height) = (None, height);
        (self.candidates, self.passing) = (Candidates::default(), Passing::default());
        self.skeleton.starts.clear();
        self.skeleton.is_vain = false;
        self.peers.begin_again(now);
        (self.answered, self.best_changed, self.progress) = (false, true, now);
        out.tell(ToFetch::Want { fork: height, above: height, hashes });
        Ok(())
    }
}
