//! How the bodies of candidates are asked for, beside those of the best header chain.

use crate::{
    base::{hash::Hash, ids::LinkId, limits::ABSENT_RETRY, time::Time},
    node::{
        Outbox,
        fetch::{
            Fetch,
            candidates::Pursuit,
            sources::Choice,
            stall_clock::Lowest,
            window::{Body, Window},
        },
        notice::ToHeaders,
    },
};

/// Where a wanted block stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Which candidate. `None`: the best header chain.
    candidate: Option<usize>,
    pub(super) height: u32,
}

impl Place {
    /// On the best header chain.
    pub(super) fn best(height: u32) -> Self {
        Self { candidate: None, height }
    }

    /// Not on the best header chain.
    pub(super) fn is_candidate(self) -> bool {
        self.candidate.is_some()
    }
}

impl Fetch {
    /// Where a block stands, if it is wanted.
    pub(super) fn place_of(&self, hash: &Hash) -> Option<Place> {
        if let Some(height) = self.window.height_of(hash) {
            return Some(Place::best(height));
        }
        let candidates = self.candidates.list().iter().enumerate();
        let mut places = candidates.filter_map(|(at, pursuit)| {
            let height = pursuit.window.height_of(hash)?;
            Some(Place { candidate: Some(at), height })
        });
        places.next()
    }

    /// The window with this place.
    pub(super) fn window_at(&mut self, place: Place) -> Option<&mut Window> {
        match place.candidate {
            None => Some(&mut self.window),
            Some(at) => self.candidates.get_mut(at).map(|pursuit| &mut pursuit.window),
        }
    }

    /// Whether the block at this place is not here.
    pub(super) fn is_missing(&self, place: Place) -> bool {
        let window = match place.candidate {
            None => Some(&self.window),
            Some(at) => self.candidates.get(at).map(|pursuit| &pursuit.window),
        };
        window.and_then(|window| window.slot(place.height)).is_some_and(|slot| slot.body == Body::Missing)
    }

    /// The window of the best header chain, of a candidate, or of the past, whichever has this block.
    pub(super) fn window_of(&mut self, hash: &Hash) -> Option<&mut Window> {
        if self.window.height_of(hash).is_some() {
            return Some(&mut self.window);
        }
        let past = Some(&mut self.past.window).filter(|window| window.height_of(hash).is_some());
        self.candidates.window_of(hash).or(past)
    }

    /// Bytes of all bodies between arrival and ledger.
    pub(super) fn held(&self) -> usize {
        self.window.held() + self.candidates.held()
    }

    /// Asks for the candidates' next bodies.
    pub(super) fn pump_candidates(&mut self, now: Time, out: &mut Outbox) {
        self.candidates.windows_mut().for_each(|window| window.resume(now, false));
        for at in 0..self.candidates.list().len() {
            while let Some((height, more)) = self.next_of_candidate(at)
                && self.ask_candidate(now, at, height, more, out)
            {}
        }
    }

    fn next_of_candidate(&self, at: usize) -> Option<(u32, bool)> {
        self.candidates.next_to_ask(at, self.has_room_for_more(self.completions.open()))
    }

    /// `false` if nobody can be asked.
    fn ask_candidate(&mut self, now: Time, at: usize, height: u32, more: bool, out: &mut Outbox) -> bool {
        let Some(pursuit) = self.candidates.get_mut(at) else { return false };
        let Some(slot) = pursuit.window.slot(height) else { return false };
        let hash = slot.hash;
        match self.peers.choose(height, slot, more, Some(&pursuit.sources)) {
            Choice::Ask(link) => {
                let is_owed = !slot.asked.is_empty();
                pursuit.window.asked(height, link);
                self.send_request(now, link, hash, is_owed, out);
                true
            }
            Choice::Busy => false,
            // A paused block is no longer the next one. One that somebody owes is not paused, and asked for no further.
            Choice::Nobody => {
                let is_open = slot.asked.is_empty();
                pursuit.window.pause(height, now + ABSENT_RETRY);
                is_open
            }
        }
    }

    /// Asks further peers for bodies that are late, and tells `headers` which candidates are overdue.
    pub(super) fn watch_candidates(&mut self, now: Time, out: &mut Outbox) {
        for at in 0..self.candidates.list().len() {
            while let Some((due, height)) = self.candidate_hedge(at)
                && due <= now
                && self.ask_candidate(now, at, height, true, out)
            {}
            let patience = self.watch.overdue();
            let Some(pursuit) = self.candidates.get_mut(at) else { continue };
            let hash = pursuit.lowest_slot().map(|(_, slot)| slot.hash);
            Lowest::see(&mut pursuit.lowest, now, hash);
            if let Some(lowest) =
                pursuit.lowest.as_mut().filter(|lowest| !lowest.late && lowest.since + patience <= now)
            {
                lowest.late = true;
                out.tell(ToHeaders::Overdue { hash: lowest.hash, nowhere: false });
            }
        }
    }

    /// When a further source is to be asked for a candidate's lowest block, if there is one.
    fn candidate_hedge(&self, at: usize) -> Option<(Time, u32)> {
        let pursuit = self.candidates.get(at)?;
        let (height, slot) = pursuit.lowest_slot()?;
        let asked = u32::try_from(slot.asked.len()).ok().filter(|asked| *asked > 0)?;
        let can_be_asked = |link: &LinkId| {
            let idle = !slot.asked.contains(link) && !slot.absent.contains(link);
            idle && self.peers.get(*link).is_some_and(|peer| !peer.closing)
        };
        let others = pursuit.sources.iter().any(can_be_asked);
        let (since, _) = self.owed_since(slot).filter(|_| others)?;
        Some((since + self.watch.patience() * asked, height))
    }

    /// When this module has something to do.
    pub(super) fn candidates_deadline(&self) -> Option<Time> {
        let late = |pursuit: &Pursuit| {
            let lowest = pursuit.lowest.filter(|lowest| !lowest.late)?;
            Some(lowest.since + self.watch.overdue())
        };
        let hedges = (0..self.candidates.list().len()).filter_map(|at| self.candidate_hedge(at)).map(|(at, _)| at);
        let late = self.candidates.list().iter().filter_map(late);
        hedges.chain(late).filter(|at| *at > self.now).min()
    }
}
