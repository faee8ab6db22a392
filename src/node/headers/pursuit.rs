//! Which chains are candidates now, and who has more headers of them.

use std::{cmp::Reverse, collections::BTreeMap};

use crate::{
    base::{
        hash::Hash,
        ids::LinkId,
        limits::{MAX_CANDIDATES, UNPROVEN_HEADERS},
        time::Now,
    },
    chain::archive::StoreError,
    node::{
        Outbox,
        headers::{Headers, candidates::Found, too_deep::DeepBranches},
        notice::{Candidate, ToFetch},
    },
};

impl Headers {
    /// Tells `fetch` which chains are candidates, if that is something else than before, and asks for their headers.
    pub(super) fn tell_candidates(&mut self, now: Now, out: &mut Outbox) -> Result<(), StoreError> {
        if !self.candidates.take_again() || !self.open || self.joining.is_some() {
            return Ok(());
        }
        for link in self.candidates_with_more()? {
            self.ask(now.mono, link, out)?;
        }
        let Some(index) = &self.index else { return Ok(()) };
        let (mut found, mut deep): (BTreeMap<Hash, Found>, _) = (BTreeMap::new(), DeepBranches::default());
        for (link, peer) in self.peers.iter().filter(|(_, peer)| !peer.closing) {
            let Some(tip) = peer.shows else { continue };
            let Some(mut one) = index.candidate(&tip)? else { continue };
            if index.leaves_too_deep(one.fork)? {
                deep.add(one.work, one.fork);
                continue;
            }
            let Some(first) = one.missing.first().copied() else { continue };
            one.is_chosen = !peer.info.direction.is_inbound();
            one.links.insert(link);
            match found.get_mut(&first) {
                Some(known) => known.merge(one),
                None => drop(found.insert(first, one)),
            }
        }
        self.tell_too_deep(now, &deep, out)?;
        self.candidates.keep_overdue(|hash| found.contains_key(hash));
        let mut found: Vec<Found> = found.into_values().collect();
        found.sort_by_key(|one| {
            let since = one.missing.first().and_then(|first| self.candidates.overdue_since(first));
            (since, one.withheld, !one.is_chosen, Reverse(one.work))
        });
        found.truncate(MAX_CANDIDATES);
        let list: Vec<Candidate> = found.into_iter().map(Found::into_candidate).collect();
        if self.candidates.differ(&list) {
            out.tell(ToFetch::Candidates(list));
        }
        Ok(())
    }
}

impl Headers {
    /// Peers that have more headers of a candidate whose bodies come.
    fn candidates_with_more(&self) -> Result<Vec<LinkId>, StoreError> {
        let Some(index) = &self.index else { return Ok(Vec::new()) };
        let mut links = Vec::new();
        for (link, peer) in self.peers.others_with_more() {
            let Some(tip) = peer.shows else { continue };
            if (1..UNPROVEN_HEADERS as usize).contains(&index.missing_up_to(Some(tip))?) {
                links.push(link);
            }
        }
        Ok(links)
    }
}
