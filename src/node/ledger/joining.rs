//! The role while it has no coins: it applies headers alone, until `snapshot` has those of a block.
//!
//! Only `headers` and `snapshot` hear how far that is. To all others, and to peers, the chain is at its start.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use crate::{
    base::{hash::Hash, time::Time},
    chain::{
        archive::{HeaderRow, StoreError},
        snapshot::{Adoption, JoinState, Manifest},
    },
    node::{
        ChainMove, Halt, Outbox,
        ledger::chainstate::Chainstate,
        notice::{ToHeaders, ToSnapshot},
        report::Report,
    },
};

/// Headers that one commit takes.
const COMMIT_HEADERS: usize = 1000;
/// The longest time that headers wait for their commit.
const COMMIT_AFTER: Duration = Duration::from_millis(100);
/// Blocks that are asked for before their headers are here: a few of each set of authorities.
const MOST_WANTED: usize = 64;
/// Time between two steps of an adoption, in which other events have their turn.
const STEP_AFTER: Duration = Duration::from_micros(1);

/// What goes on.
#[derive(Debug, Default)]
pub(super) struct Joining {
    /// Headers that are not committed, and since when.
    pending: usize,
    since: Option<Time>,
    /// What waits until `headers` rests.
    next: Option<Next>,
    /// Whether `headers` rests.
    headers: HeadersRole,
    /// The snapshot whose coins are being taken, and when the next of them are.
    adopting: Option<(Manifest, Time)>,
    /// Blocks that `sealer` has asked for before their headers were here, the newest first: it hears of no block by itself until there
    /// are coins.
    wanted: VecDeque<Hash>,
}

/// What makes the ledger forget headers.
#[derive(Debug)]
enum Next {
    /// Take the coins of this snapshot.
    Adopt(Manifest),
    /// Verify the whole history instead.
    Abandon,
}

/// Whether the role `headers` relies on those that are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum HeadersRole {
    #[default]
    Works,
    /// It was told to rest.
    Asked,
    Rests,
}

impl Joining {
    /// Begins at a start.
    pub(super) fn start(chain: &mut Chainstate, out: &mut Outbox) -> Result<Self, StoreError> {
        out.tell(ToHeaders::Joining);
        out.tell(ToSnapshot::Joining);
        // The node can be asked and stopped from now on, however long the coins take.
        out.report(Report::Tip(Box::new(chain.spec().genesis_tip())));
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

    pub(super) fn commit(&mut self, chain: &mut Chainstate, out: &mut Outbox) -> Result<(), StoreError> {
        (self.pending, self.since) = (0, None);
        chain.commit_headers()?;
        let moved = ChainMove { tip: chain.tip().clone(), removed: Vec::new(), added: Vec::new(), news: None };
        let moved = Arc::new(moved);
        out.tell(ToHeaders::ChainMoved(moved.clone()));
        out.tell(ToSnapshot::ChainMoved(moved));
        Ok(())
    }

    pub(super) fn take(&mut self, now: Time, rows: &[HeaderRow], chain: &mut Chainstate) -> Result<(), StoreError> {
        chain.put_headers(rows)?;
        for row in rows {
            chain.follow_header(row)?;
        }
        self.pending += rows.len();
        self.since.get_or_insert(now);
        Ok(())
    }

    /// A block whose header is not here is asked for.
    pub(super) fn look_out_for(&mut self, block: Hash) {
        if !self.wanted.contains(&block) {
            self.wanted.truncate(MOST_WANTED - 1);
            self.wanted.push_front(block);
        }
    }

    /// The blocks that were asked for and whose headers are among these, which were stored.
    pub(super) fn found(&mut self, rows: &[HeaderRow]) -> Vec<Hash> {
        if self.wanted.is_empty() {
            return Vec::new();
        }
        let is_here = |block: &Hash| rows.iter().any(|row| row.hash == *block);
        let found: Vec<Hash> = self.wanted.iter().copied().filter(is_here).collect();
        self.wanted.retain(|block| !found.contains(block));
        found
    }

    pub(super) fn commit_if_due(
        &mut self,
        now: Time,
        chain: &mut Chainstate,
        out: &mut Outbox,
    ) -> Result<(), StoreError> {
        let is_due = self.since.is_some_and(|since| now >= since + COMMIT_AFTER) || self.pending >= COMMIT_HEADERS;
        if is_due { self.commit(chain, out) } else { Ok(()) }
    }

    /// Commits headers that wait, before the end.
    pub(super) fn stop(&mut self, chain: &mut Chainstate, out: &mut Outbox) -> Result<(), StoreError> {
        if self.since.is_some() { self.commit(chain, out) } else { Ok(()) }
    }

    /// The coins of a snapshot are to be taken, once `headers` rests.
    pub(super) fn adopt_next(&mut self, manifest: Manifest, out: &mut Outbox) {
        self.wait_for_headers(Next::Adopt(manifest), out);
    }

    /// The whole history is to be verified instead, once `headers` rests.
    pub(super) fn abandon_next(&mut self, out: &mut Outbox) {
        self.wait_for_headers(Next::Abandon, out);
    }

    fn wait_for_headers(&mut self, next: Next, out: &mut Outbox) {
        self.next = Some(next);
        if self.headers == HeadersRole::Works {
            self.headers = HeadersRole::Asked;
            out.tell(ToHeaders::Rest);
        }
    }

    /// `headers` relies on no stored header any more.
    pub(super) fn headers_rest(&mut self) {
        if self.headers == HeadersRole::Asked {
            self.headers = HeadersRole::Rests;
        }
    }

    /// Begins with what waited for `headers` to rest. Whether the join is over.
    pub(super) fn begin_next(
        &mut self,
        now: Time,
        chain: &mut Chainstate,
        out: &mut Outbox,
    ) -> Result<bool, StoreError> {
        if self.headers != HeadersRole::Rests {
            return Ok(false);
        }
        match self.next.take() {
            None => Ok(false),
            Some(Next::Adopt(manifest)) => {
                self.commit(chain, out)?;
                self.adopting = Some((manifest, now));
                Ok(false)
            }
            Some(Next::Abandon) => {
                self.stop(chain, out)?;
                chain.abandon_join()?;
                out.report(Report::Joined(JoinState::History));
                Ok(true)
            }
        }
    }

    /// Takes the next coins, if it is time. Whether all are here.
    pub(super) fn adopt(&mut self, now: Time, chain: &mut Chainstate, out: &mut Outbox) -> Result<bool, Halt> {
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
                // What came meanwhile is asked for again.
                out.tell(ToHeaders::Joined);
                out.tell(ToHeaders::Joining);
                self.headers = HeadersRole::Works;
                chain.load()?;
                self.commit(chain, out)?;
                Ok(false)
            }
        }
    }
}
