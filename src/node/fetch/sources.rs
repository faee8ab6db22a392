//! Peers as sources of bodies: what each was asked, how much it may be asked, and which one is asked next.

use std::{collections::VecDeque, net::SocketAddr};

use crate::{
    base::{
        hash::Hash,
        ids::{LinkId, NodeId},
        limits::{
            GET_BLOCK_TIMEOUT, KNOWN_BLOCKS_PER_SECOND, MAX_STALLERS, PEER_WINDOW_FIRST, STALLER_KEPT, USELESS_KIB,
            USELESS_KIB_INTERVAL,
        },
        link_map::LinkMap,
        time::Time,
    },
    node::{
        command::Delivery,
        fetch::{
            pipe::{Before, Pipe},
            questions::{Questions, Standing},
            silence::Silence,
            window::Slot,
        },
        rate_limit::RateLimit,
    },
    wire::message::{SERVICE_SNAPSHOT, served_from},
};

/// Requests of one peer that timed out and are remembered.
const MAX_LATE: usize = 128;

/// An open `GetBlock`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) hash: Hash,
    pub(super) sent: Time,
    /// Since when its answer is the next one that the peer owes.
    since: Time,
    before: Before,
}

/// Who a peer is: either may change, and who changes both is new to us.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whereabouts {
    pub(super) node: NodeId,
    pub(super) address: SocketAddr,
}

impl Whereabouts {
    fn matches(&self, other: &Self) -> bool {
        self.node == other.node || self.address == other.address
    }
}

#[derive(Debug)]
pub(super) struct BodySource {
    /// Claimed or shown.
    pub(super) height: u32,
    /// Whether it gives snapshots to nodes that join.
    gives_snapshots: bool,
    /// Below this height it has no bodies.
    pub(super) from: u32,
    /// Its height when it said so: it may have let go of one block for each that came since.
    pub(super) from_at: u32,
    /// Up to this height it has denied blocks that it should have.
    pub(super) denied: Option<u32>,
    /// Oldest first.
    requests: VecDeque<Request>,
    /// How many requests may be open.
    window: usize,
    pipe: Pipe,
    last_delivery: Time,
    silence: Silence,
    /// When it was last asked, as a number that grows with each request to anybody.
    turn: u64,
    /// Did not deliver in time: others are preferred until it delivers.
    slow: bool,
    /// An earlier link of this node or address ended for a fault: it is asked only for what nobody else has, until it delivers.
    suspect: bool,
    at: Whereabouts,
    blocks: u64,
    /// Blocks whose requests timed out and may still be answered, oldest first.
    late: VecDeque<Hash>,
    known: RateLimit,
    /// What it was asked about new blocks.
    pub(super) questions: Questions,
    /// A compact block of its did not fit the header: it is asked for whole blocks.
    pub(super) misled: bool,
    /// KiB of bodies that are of no use and may still come.
    useless: RateLimit,
    pub(super) closing: bool,
}

/// Whom to ask for a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    Ask(LinkId),
    /// Somebody may have it, but was asked for enough already.
    Busy,
    /// Everybody said that they do not have it, or was asked for it.
    Nobody,
}

#[derive(Debug, Default)]
pub(super) struct BodySources {
    pub(super) map: LinkMap<BodySource>,
    turn: u64,
    /// The height of the best header.
    pub(super) best: u32,
    /// Whose links ended for a fault, the oldest first.
    stallers: VecDeque<(Whereabouts, Time)>,
    /// Who did not answer in time when asked for a new block, on links that are gone. The oldest first.
    lapsed: VecDeque<(Whereabouts, Time)>,
}

impl BodySource {
    /// It sent a block. Takes the request off the list if we asked it for this one.
    pub(super) fn delivered(&mut self, now: Time, hash: &Hash, bytes: usize) -> Option<Request> {
        let at = self.position(hash)?;
        let request = self.requests[at];
        self.pipe.delivered(now, request.sent, request.before, bytes);
        // Peers answer in order, so the clock of a request starts with the answer before it. One that is passed over keeps
        // its clock, or a peer could hold a block back for as long as it delivers others.
        self.requests.iter_mut().skip(at).for_each(|later| later.since = now);
        self.blocks += 1;
        self.denied = None;
        self.silence.answered();
        self.last_delivery = now;
        (self.slow, self.suspect) = (false, false);
        self.window = (self.window + 1).min(self.pipe.window());
        self.requests.remove(at)
    }

    /// It did not send a block in time.
    pub(super) fn timed_out(&mut self, request: &Request) {
        self.silence.left_open(request.sent);
        self.late.push_back(request.hash);
        if self.late.len() > MAX_LATE {
            self.late.pop_front();
        }
        self.slow = true;
        self.window = (self.window / 2).max(1);
    }

    /// Takes a request off the list.
    pub(super) fn complete(&mut self, hash: &Hash) -> Option<Request> {
        let request = self.requests.remove(self.position(hash)?)?;
        self.silence.answered();
        Some(request)
    }

    fn position(&self, hash: &Hash) -> Option<usize> {
        self.requests.iter().position(|request| request.hash == *hash)
    }

    /// Whether it was asked for the block and has not answered. Two hashes practically always differ in the number that is
    /// compared first.
    fn owes(&self, hash: &Hash) -> bool {
        let first = hash.first_eight();
        let (older, newer) = self.requests.as_slices();
        let is_it = |request: &Request| request.hash.first_eight() == first && request.hash == *hash;
        older.iter().any(is_it) || newer.iter().any(is_it)
    }

    /// An answer came that no open request explains. `false` if no request that timed out does either.
    pub(super) fn explain_late(&mut self, hash: &Hash) -> bool {
        let at = self.late.iter().position(|late| late == hash);
        at.and_then(|at| self.late.remove(at)).map(|_| self.silence.answered()).is_some()
    }

    /// It sent a block that we know, unasked. `false` if that was too many.
    pub(super) fn repeated(&mut self, now: Time) -> bool {
        self.known.take(now)
    }

    /// It sent a body that is of no use, and whose header is known or leads nowhere. `false` if those were too many bytes.
    pub(super) fn wasted(&mut self, now: Time, bytes: usize) -> bool {
        self.useless.take_some(now, u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX))
    }

    /// It has the block at this height.
    pub(super) fn shown(&mut self, height: u32) {
        self.height = self.height.max(height);
    }

    /// It says that its tip is at this height.
    pub(super) fn claims(&mut self, height: u32) {
        self.height = height;
    }

    /// Since when it has owed the block before any other.
    pub(super) fn owes_since(&self, hash: &Hash) -> Option<Time> {
        self.requests.get(self.position(hash)?).map(|request| request.since)
    }

    /// When it was asked for the block, if it has not answered.
    pub(super) fn asked_at(&self, hash: &Hash) -> Option<Time> {
        self.requests.get(self.position(hash)?).map(|request| request.sent)
    }

    /// Since when it has owed the block and delivered nothing at all. A block that it pushed as news while our question for
    /// it was on its way comes before the answers that are due, and may have kept a slow line busy.
    pub(super) fn idle_since(&self, hash: &Hash) -> Option<Time> {
        self.owes_since(hash).map(|since| since.max(self.last_delivery))
    }

    pub(super) fn requests(&self) -> impl Iterator<Item = &Request> {
        self.requests.iter()
    }

    /// Takes the oldest request if its time is over.
    pub(super) fn take_expired(&mut self, now: Time) -> Option<Request> {
        let first = *self.requests.front()?;
        if first.sent + GET_BLOCK_TIMEOUT > now {
            return None;
        }
        self.requests.pop_front()
    }

    /// Whether it has delivered nothing since it was sent a request, and is not busy either.
    pub(super) fn was_silent(&self, now: Time, request: &Request) -> bool {
        let delivered = self.last_delivery >= request.sent && self.blocks > 0;
        !delivered && !self.silence.is_busy(now, request.sent)
    }
}

impl BodySources {
    /// A peer with this height and these services.
    pub(super) fn insert(&mut self, now: Time, link: LinkId, (height, services): (u32, u64), at: Whereabouts) {
        self.stallers.retain(|(_, since)| *since + STALLER_KEPT > now);
        let peer = BodySource {
            height,
            gives_snapshots: services & SERVICE_SNAPSHOT != 0,
            from: served_from(services),
            from_at: height,
            denied: None,
            requests: VecDeque::new(),
            window: PEER_WINDOW_FIRST,
            pipe: Pipe::default(),
            last_delivery: Time(0),
            silence: Silence::default(),
            turn: 0,
            slow: false,
            suspect: self.stallers.iter().any(|(other, _)| other.matches(&at)),
            at,
            blocks: 0,
            late: VecDeque::new(),
            known: RateLimit::per_second(KNOWN_BLOCKS_PER_SECOND),
            useless: RateLimit::new(now, USELESS_KIB, USELESS_KIB, USELESS_KIB_INTERVAL),
            questions: Questions::new(
                self.lapsed.iter().rev().find(|(other, _)| other.matches(&at)).map(|(_, since)| *since),
            ),
            misled: false,
            closing: false,
        };
        self.map.insert(link, peer);
    }

    /// The peer held up the download, or broke the protocol.
    pub(super) fn stalled(&mut self, now: Time, link: LinkId) {
        let Some(peer) = self.map.get(&link) else { return };
        let at = peer.at;
        self.stallers.retain(|(other, _)| other.node != at.node || other.address != at.address);
        self.stallers.push_back((at, now));
        if self.stallers.len() > MAX_STALLERS {
            self.stallers.pop_front();
        }
    }

    pub(super) fn remove(&mut self, link: LinkId) -> Option<BodySource> {
        let peer = self.map.remove(&link)?;
        if let Some(since) = peer.questions.lapsed() {
            self.lapsed.push_back((peer.at, since));
            if self.lapsed.len() > MAX_STALLERS {
                self.lapsed.pop_front();
            }
        }
        Some(peer)
    }

    /// Whether more can be expected of one peer than of another.
    pub(super) fn is_better(&self, now: Time, link: LinkId, than: LinkId) -> bool {
        self.standing(now, link) < self.standing(now, than)
    }

    /// What can be expected of a peer that tells of a block.
    pub(super) fn standing(&self, now: Time, link: LinkId) -> Standing {
        self.get(link).map_or(Standing::Lapsed, |peer| peer.questions.standing(now, peer.blocks > 0))
    }

    pub(super) fn get(&self, link: LinkId) -> Option<&BodySource> {
        self.map.get(&link)
    }

    pub(super) fn get_mut(&mut self, link: LinkId) -> Option<&mut BodySource> {
        self.map.get_mut(&link)
    }

    /// A large frame of the peer is on its way.
    pub(super) fn brings(&mut self, now: Time, link: LinkId) {
        self.map.get_mut(&link).into_iter().for_each(|peer| peer.silence.brings(now));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (LinkId, &BodySource)> {
        self.map.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.map.len()
    }

    /// Open requests over all peers.
    #[cfg(test)]
    pub(super) fn in_flight(&self) -> usize {
        self.map.values().map(|peer| peer.requests.len()).sum()
    }

    /// Chooses the peer to ask for a block: among those that claim to have it, the one with the fewest open requests, in
    /// turn. If none claims it, any may have it: claims are old. `more` allows one request beyond a peer's window, for a
    /// block that holds up all others. `of`: only these peers.
    pub(super) fn choose(&self, height: u32, slot: &Slot, more: bool, of: Option<&[LinkId]>) -> Choice {
        let eligible = |link: &LinkId, peer: &BodySource| {
            of.is_none_or(|of| of.contains(link))
                && peer.may_keep(height)
                && !peer.closing
                && !slot.absent.contains(link)
                && !slot.asked.contains(link)
                && !peer.owes(&slot.hash)
        };
        // Kept, because in a sync each peer owes a hundred blocks, and each look goes through all of them.
        let all: Vec<(LinkId, &BodySource)> = self.iter().filter(|(link, peer)| eligible(link, peer)).collect();
        if all.is_empty() {
            return Choice::Nobody;
        }
        let claimed = all.iter().any(|(_, peer)| peer.height >= height);
        if !claimed && self.map.values().any(|peer| peer.has_pruned(height, self.best)) {
            return Choice::Nobody; // those that had it keep it no more, and no other says that it has it
        }
        let has_room = |peer: &BodySource| more || peer.requests.len() < peer.window;
        let may_have = |peer: &BodySource| !claimed || peer.height >= height;
        let trusted = all.iter().any(|(_, peer)| may_have(peer) && !peer.suspect);
        let free = all.iter().filter(|(_, peer)| may_have(peer) && has_room(peer) && !(trusted && peer.suspect));
        let key = |link: &LinkId, peer: &BodySource| {
            let (tried, pruned) = (slot.tried.contains(link), peer.may_have_pruned(height));
            (tried, pruned, peer.slow, peer.requests.len(), peer.turn)
        };
        let first = free.min_by_key(|(link, peer)| key(link, peer));
        first.map_or(Choice::Busy, |(link, _)| Choice::Ask(*link))
    }

    /// How many peers give snapshots.
    pub(super) fn snapshot_givers(&self) -> usize {
        self.map.values().filter(|peer| peer.gives_snapshots && !peer.closing).count()
    }

    /// Whether some peer owes this block.
    pub(super) fn owe(&self, hash: &Hash) -> bool {
        self.map.values().any(|peer| peer.owes(hash))
    }

    /// Whether some peer may be asked for another block.
    pub(super) fn has_room(&self) -> bool {
        self.map.values().any(|peer| !peer.closing && peer.requests.len() < peer.window)
    }

    /// Notes a request.
    pub(super) fn ask(&mut self, link: LinkId, hash: Hash, now: Time) {
        self.turn += 1;
        if let Some(peer) = self.map.get_mut(&link) {
            peer.turn = self.turn;
            let before = peer.pipe.before(peer.requests.is_empty());
            peer.requests.push_back(Request { hash, sent: now, since: now, before });
        }
    }

    /// Whether another peer could be asked instead that is no worse.
    pub(super) fn has_other(&self, than: LinkId, height: u32, slot: &Slot) -> bool {
        let worse = |peer: &BodySource| peer.suspect && self.get(than).is_some_and(|than| !than.suspect);
        self.iter().any(|(link, peer)| {
            link != than && peer.may_keep(height) && !peer.closing && !worse(peer) && !slot.absent.contains(&link)
        })
    }

    /// When the first open request times out.
    pub(super) fn next_timeout(&self) -> Option<Time> {
        self.map.values().filter_map(|peer| peer.requests.front()).map(|first| first.sent + GET_BLOCK_TIMEOUT).min()
    }

    /// What each peer delivers.
    pub(super) fn deliveries(&self) -> Vec<Delivery> {
        let delivery = |(link, peer): (LinkId, &BodySource)| Delivery {
            link,
            in_flight: peer.requests.len(),
            blocks: peer.blocks,
        };
        self.iter().map(delivery).collect()
    }
}
