//! The window of wanted blocks: the best header chain from the lowest body that the ledger has not taken, upwards.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::base::{
    hash::Hash,
    ids::LinkId,
    limits::{ABSENT_RETRY, FETCH_WINDOW},
    time::Time,
};

/// Peers that are remembered as asked in vain: more than there can be at a time.
const MAX_TRIED: usize = 96;

/// How far a body has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// Not here.
    Missing,
    /// On its way through verifier and ledger, with its size in bytes.
    Arrived(usize),
    /// The ledger needs it no more.
    Taken,
}

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) hash: Hash,
    pub(super) body: Body,
    /// Peers with an open request for it.
    pub(super) asked: Vec<LinkId>,
    /// Peers that do not have it, or sent a wrong body; forgotten when all have been asked.
    pub(super) absent: Vec<LinkId>,
    /// Peers that were asked in vain at any time, the last `MAX_TRIED` of them.
    pub(super) tried: Vec<LinkId>,
    /// Some peer has said that it does not have the block.
    pub(super) is_absent: bool,
    /// When one of those in `absent` said so last.
    denied: Option<Time>,
}

#[derive(Debug, Default)]
pub(super) struct Window {
    /// The height of the first slot; all below is taken, down to `floor`.
    base: u32,
    /// The height of the lowest block that was ever wanted here. Another window may have those below.
    floor: u32,
    slots: VecDeque<Slot>,
    heights: BTreeMap<Hash, u32>,
    /// Missing and not asked of anybody.
    open: BTreeSet<u32>,
    /// Missing and requested.
    asked: BTreeSet<u32>,
    /// Missing, and all peers were asked in vain: when to start over.
    paused: BTreeMap<u32, Time>,
    /// The highest block that has arrived.
    highest: u32,
    /// Bytes of arrived bodies that are not taken.
    held: usize,
}

impl Slot {
    fn new(hash: Hash) -> Self {
        let (asked, absent, tried) = Default::default();
        Self { hash, body: Body::Missing, asked, absent, tried, is_absent: false, denied: None }
    }
}

impl Window {
    /// The chain above `above` is another now.
    pub(super) fn replace(&mut self, above: u32, hashes: Vec<Hash>) {
        let keep = above.saturating_add(1).saturating_sub(self.base) as usize;
        if above.saturating_add(1) < self.base || keep > self.slots.len() {
            // Below what is taken already, or above a gap that the ledger has filled by itself.
            self.restart(above);
        } else {
            self.cut(keep);
        }
        self.append(hashes);
        self.advance();
    }

    fn append(&mut self, hashes: impl IntoIterator<Item = Hash>) {
        for hash in hashes {
            let height = self.end();
            self.heights.insert(hash, height);
            self.open.insert(height);
            self.slots.push_back(Slot::new(hash));
        }
    }

    /// The blocks above `above` that are missing. What is known of those that were wanted before stays.
    pub(super) fn follow(&mut self, above: u32, hashes: &[Hash]) {
        if self.slots.is_empty() || above.saturating_add(1) > self.end() {
            self.restart(above);
        }
        self.reach_down(above, hashes);
        while self.base <= above
            && let Some(hash) = self.slots.front().map(|slot| slot.hash)
        {
            self.take(&hash);
        }
        let taken = self.base.saturating_sub(above.saturating_add(1)) as usize;
        let hashes = hashes.get(taken..).unwrap_or_default();
        let same = self.slots.iter().zip(hashes).take_while(|(slot, hash)| slot.hash == **hash).count();
        if same < hashes.len() || same < self.slots.len() {
            self.cut(same);
            self.append(hashes.iter().skip(same).copied());
        }
    }

    /// Wants the same chain from further below.
    fn reach_down(&mut self, above: u32, hashes: &[Hash]) {
        let lowest = above.saturating_add(1);
        if lowest >= self.floor {
            return;
        }
        let Some(known) = hashes.get(..(self.base - lowest) as usize) else { return self.restart(above) };
        for hash in known.iter().rev() {
            self.base -= 1;
            let is_taken = self.base >= self.floor;
            let body = if is_taken { Body::Taken } else { Body::Missing };
            self.slots.push_front(Slot { body, ..Slot::new(*hash) });
            self.heights.insert(*hash, self.base);
            if !is_taken {
                self.open.insert(self.base);
            }
        }
        self.floor = self.base;
    }

    /// The ledger has another branch up to this height: nothing of the one that was wanted here is.
    pub(super) fn restart(&mut self, above: u32) {
        self.cut(0);
        self.base = above.saturating_add(1);
        self.floor = self.base;
        self.highest = self.highest.min(above);
    }

    /// The height after the last slot.
    pub(super) fn end(&self) -> u32 {
        self.base.saturating_add(u32::try_from(self.slots.len()).unwrap_or(u32::MAX))
    }

    /// Everything below this height is taken.
    pub(super) fn base(&self) -> u32 {
        self.base
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub(super) fn height_of(&self, hash: &Hash) -> Option<u32> {
        self.heights.get(hash).copied()
    }

    pub(super) fn slot(&self, height: u32) -> Option<&Slot> {
        self.slots.get(height.checked_sub(self.base)? as usize)
    }

    fn slot_mut(&mut self, height: u32) -> Option<&mut Slot> {
        self.slots.get_mut(height.checked_sub(self.base)? as usize)
    }

    /// Missing blocks, asked for or not.
    pub(super) fn missing(&self) -> usize {
        self.open.len() + self.asked.len() + self.paused.len()
    }

    /// The lowest missing block: the one that holds up the rest.
    pub(super) fn lowest_missing(&self) -> Option<u32> {
        let firsts = [self.open.first(), self.asked.first(), self.paused.keys().next()];
        firsts.into_iter().flatten().min().copied()
    }

    /// Blocks to ask for, lowest first, within the window.
    pub(super) fn to_ask(&self) -> impl Iterator<Item = u32> + '_ {
        let end = self.base.saturating_add(u32::try_from(FETCH_WINDOW).unwrap_or(u32::MAX));
        self.open.iter().copied().take_while(move |height| *height < end)
    }

    /// Missing blocks that are requested, lowest first.
    pub(super) fn being_asked(&self) -> impl Iterator<Item = u32> + '_ {
        self.asked.iter().copied()
    }

    /// Bytes of bodies between arrival and ledger.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Whether a block above this one has arrived and waits for it.
    pub(super) fn holds_up(&self, height: u32) -> bool {
        self.highest > height
    }

    /// A request for the block went out.
    pub(super) fn asked(&mut self, height: u32, link: LinkId) {
        if let Some(slot) = self.slot_mut(height) {
            slot.asked.push(link);
            self.open.remove(&height);
            self.paused.remove(&height);
            self.asked.insert(height);
        }
    }

    /// A request for the block ended without it. `absent`: the peer said then that it does not have the block. True if nobody
    /// else is asked.
    pub(super) fn in_vain(&mut self, hash: &Hash, link: LinkId, absent: Option<Time>) -> bool {
        let Some((height, slot)) = self.missing_slot(hash) else { return false };
        slot.asked.retain(|asked| *asked != link);
        if !slot.tried.contains(&link) {
            slot.tried.push(link);
        }
        if slot.tried.len() > MAX_TRIED {
            slot.tried.remove(0);
        }
        if absent.is_some() {
            (slot.is_absent, slot.denied) = (true, absent);
            if !slot.absent.contains(&link) {
                slot.absent.push(link);
            }
        }
        self.reopen(height)
    }

    /// A request for the block ended by nothing that the peer did about it: nothing is remembered.
    /// True if nobody else is asked.
    pub(super) fn forget(&mut self, hash: &Hash, link: LinkId) -> bool {
        let Some((height, slot)) = self.missing_slot(hash) else { return false };
        slot.asked.retain(|asked| *asked != link);
        self.reopen(height)
    }

    /// Lets a block be asked for again, if nobody is asked for it any more.
    fn reopen(&mut self, height: u32) -> bool {
        let is_left = self.slot(height).is_some_and(|slot| slot.asked.is_empty()) && self.asked.remove(&height);
        if is_left {
            self.open.insert(height);
        }
        is_left
    }

    /// Lets a block that some peer owes be asked again of those that did not have it: they may have it by now.
    pub(super) fn ask_again(&mut self, height: u32, now: Time) {
        if self.asks_again_at(height).is_some_and(|at| at <= now)
            && let Some(slot) = self.slot_mut(height)
        {
            slot.absent.clear();
            slot.denied = None;
        }
    }

    /// When that is due.
    pub(super) fn asks_again_at(&self, height: u32) -> Option<Time> {
        let slot = self.slot(height).filter(|slot| !slot.asked.is_empty())?;
        slot.denied.map(|at| at + ABSENT_RETRY)
    }

    /// No peer has the block: ask again later.
    pub(super) fn pause(&mut self, height: u32, until: Time) {
        if self.open.remove(&height) {
            self.paused.insert(height, until);
        }
    }

    /// Blocks whose pause is over, or all of them if a new peer may have them, can be asked for again.
    pub(super) fn resume(&mut self, now: Time, all: bool) {
        let due: Vec<u32> =
            self.paused.iter().filter(|(_, until)| all || **until <= now).map(|(height, _)| *height).collect();
        for height in due {
            self.paused.remove(&height);
            self.open.insert(height);
            if let Some(slot) = self.slot_mut(height) {
                slot.absent.clear();
            }
        }
    }

    /// The peer has this block and those below: it can be asked for them again.
    pub(super) fn shown(&mut self, tip: &Hash, link: LinkId) {
        let Some(top) = self.height_of(tip) else { return };
        let count = FETCH_WINDOW.min((top - self.base) as usize + 1);
        for slot in self.slots.iter_mut().take(count) {
            slot.absent.retain(|absent| *absent != link);
            slot.tried.retain(|tried| *tried != link);
        }
        let above = self.paused.split_off(&top.saturating_add(1));
        self.open.extend(std::mem::replace(&mut self.paused, above).into_keys());
    }

    /// When the first pause is over.
    pub(super) fn next_resume(&self) -> Option<Time> {
        self.paused.values().min().copied()
    }

    /// The body is here and goes to the verifier. `false` if it is not missing.
    pub(super) fn arrive(&mut self, height: u32, bytes: usize) -> bool {
        let Some(slot) = self.slot_mut(height).filter(|slot| slot.body == Body::Missing) else { return false };
        slot.body = Body::Arrived(bytes);
        slot.asked.clear();
        self.unlist(height);
        self.held += bytes;
        self.highest = self.highest.max(height);
        true
    }

    /// The body was not the header's, or the ledger had no room: it is missing again.
    pub(super) fn refuse(&mut self, hash: &Hash, sender: Option<LinkId>) {
        let Some(height) = self.height_of(hash) else { return };
        let Some(slot) = self.slot_mut(height) else { return };
        let Body::Arrived(bytes) = slot.body else { return };
        slot.body = Body::Missing;
        slot.absent.extend(sender);
        slot.tried.extend(sender);
        self.held -= bytes;
        self.open.insert(height);
    }

    /// The ledger needs the body no more, wherever it has it from.
    pub(super) fn take(&mut self, hash: &Hash) {
        let Some(height) = self.height_of(hash) else { return };
        let Some(slot) = self.slot_mut(height) else { return };
        match std::mem::replace(&mut slot.body, Body::Taken) {
            Body::Missing => self.unlist(height),
            Body::Arrived(bytes) => self.held -= bytes,
            Body::Taken => {}
        }
        self.advance();
    }

    /// These blocks are invalid: they and all above are not wanted. What is wanted instead comes as another `replace`.
    pub(super) fn drop_invalid(&mut self, hashes: &[Hash]) {
        if let Some(lowest) = hashes.iter().filter_map(|hash| self.height_of(hash)).min() {
            self.cut((lowest - self.base) as usize);
        }
    }

    fn missing_slot(&mut self, hash: &Hash) -> Option<(u32, &mut Slot)> {
        let height = self.height_of(hash)?;
        let slot = self.slot_mut(height)?;
        (slot.body == Body::Missing).then_some((height, slot))
    }

    fn unlist(&mut self, height: u32) {
        self.open.remove(&height);
        self.asked.remove(&height);
        self.paused.remove(&height);
    }

    /// Moves the base up over what is taken.
    fn advance(&mut self) {
        while let Some(Slot { hash, body: Body::Taken, .. }) = self.slots.front() {
            self.heights.remove(hash);
            self.slots.pop_front();
            self.base += 1;
        }
    }

    /// Drops all slots from position `keep` on.
    fn cut(&mut self, keep: usize) {
        while self.slots.len() > keep
            && let Some(slot) = self.slots.pop_back()
        {
            let height = self.end();
            self.heights.remove(&slot.hash);
            self.unlist(height);
            if let Body::Arrived(bytes) = slot.body {
                self.held -= bytes;
            }
        }
        let last = self.end().saturating_sub(1);
        self.highest = self.highest.min(last);
    }
}
