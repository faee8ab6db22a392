//! What the checkers remember of one node's links.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use super::{announced::Announced, passed_on::Requests};
use crate::{
    base::{
        hash::Hash,
        ids::{DialId, LinkId},
        time::Time,
    },
    chain::header::Header,
    node::{CloseReason, LinkAction, LinkEvent, RoleId},
    wire::{
        frame::Frame,
        message::{Kind, Message},
    },
};

/// `GetBlock`s of one link that are followed.
const MAX_OWED: usize = 1024;

/// What the checkers follow of a node's links.
#[derive(Debug, Default)]
pub(in crate::sim) struct Watch {
    /// All dials so far, and since when those that have not ended wait.
    pub(super) dials: BTreeMap<DialId, Option<Time>>,
    /// Blocks that peers asked for and that were not answered.
    pub(super) owed: BTreeMap<LinkId, Vec<(Hash, Time)>>,
    /// How far each role knows a link.
    known: BTreeMap<(RoleId, LinkId), Knows>,
    /// Blocks that the node has applied.
    pub(in crate::sim) applied: BTreeSet<Hash>,
    /// The links that delivered each body.
    pub(super) delivered: BTreeMap<Hash, Vec<LinkId>>,
    /// Bodies that have come since the checker of liveness looked.
    pub(super) fresh: Vec<Hash>,
    /// The node at the other end of each link that became a peer's.
    pub(super) partners: BTreeMap<LinkId, usize>,
    /// The height from which on each peer keeps bodies, by what it said.
    pub(super) stated: BTreeMap<LinkId, u32>,
    /// Links of which a role was told, as a peer's or not yet, and the nodes at their other ends.
    pub(super) met: BTreeMap<LinkId, usize>,
    /// When the last link to each node ended.
    pub(super) left: BTreeMap<usize, Time>,
    /// Links on which a block was left out, and since when their peers could be told.
    pub(super) untold: BTreeMap<LinkId, Time>,
    /// Blocks that the node itself has asked for.
    pub(in crate::sim) requests: Requests,
    /// What peers announced to it.
    pub(in crate::sim) announced: Announced,
    /// Blocks that it was told of and whose headers have no work.
    pub(super) unjudged: BTreeSet<Hash>,
    /// Pings without an answer.
    pub(super) pinged: BTreeMap<LinkId, (u64, Time)>,
    /// How long the last ping of each link took, through the roles of both ends.
    pub(super) round_trips: BTreeMap<LinkId, Duration>,
    /// When each event of a link was put into the inbox of a role that a block passes, as far as they wait there.
    pub(super) waiting: BTreeMap<RoleId, VecDeque<Time>>,
    /// Dials to hosts that are no nodes.
    pub(super) strange: BTreeMap<usize, StrangeDials>,
    /// Points that links that have ended have paid.
    paid: BTreeMap<LinkId, u32>,
    /// Links that have ended and owe this many points, and since when.
    pub(super) debts: BTreeMap<LinkId, (u32, Time)>,
    /// Links that have ended, when and why.
    pub(super) ended: BTreeMap<LinkId, (Time, CloseReason)>,
}

/// How dials to a host that is no node ended.
#[derive(Debug, Default)]
pub(super) struct StrangeDials {
    /// With something else than the protocol.
    pub(super) answered: u32,
    /// In another way, after which the wait may be short again.
    pub(super) otherwise: u32,
    pub(super) since: Option<Time>,
}

/// How far a role knows a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Knows {
    /// A connection, whose other end is not known yet.
    Connected,
    Opened,
    /// A frame of the handshake is with the role.
    Frame,
    Up,
}

impl Watch {
    /// A node hears a frame.
    pub(super) fn asks(&mut self, link: LinkId, frame: &Frame, now: Time) {
        let owed = self.owed.entry(link).or_default();
        if frame.kind == Kind::GetBlock
            && owed.len() < MAX_OWED
            && let Ok(Message::GetBlock(hash)) = frame.open()
        {
            owed.push((hash, now));
        }
    }

    /// A node sends a frame. True if it answers a `GetBlock`.
    pub(super) fn answers(&mut self, link: LinkId, frame: &Frame) -> bool {
        let Some(owed) = self.owed.get_mut(&link).filter(|owed| !owed.is_empty()) else { return false };
        let hash = match frame.kind {
            Kind::Block => Header::peek(&frame.body).map(|header| header.hash()),
            Kind::Absent => frame.body.get(..32).and_then(|bytes| bytes.try_into().ok().map(Hash)),
            _ => None,
        };
        let at = hash.and_then(|hash| owed.iter().position(|(asked, _)| *asked == hash));
        at.map(|at| owed.swap_remove(at)).is_some()
    }

    /// A link has ended for a fault, or a fault was found later.
    pub(super) fn pays(&mut self, link: LinkId, points: u32) {
        let paid = self.paid.entry(link).or_default();
        *paid = points.max(*paid);
        if self.debts.get(&link).is_some_and(|(owed, _)| *owed <= points) {
            self.debts.remove(&link);
        }
    }

    /// A link owes points for a fault. If the link stands, it must end.
    pub(super) fn owes(&mut self, link: LinkId, points: u32, now: Time) {
        if self.paid.get(&link).is_none_or(|paid| *paid < points) {
            self.debts.entry(link).or_insert((points, now));
        }
    }

    /// A dial has ended. False: it had before, or was never begun.
    pub(super) fn dial_ends(&mut self, dial: DialId) -> bool {
        self.dials.get_mut(&dial).and_then(Option::take).is_some()
    }
}

impl Watch {
    /// What is wrong with the order in which a role hears of a link.
    pub(super) fn disorder(&mut self, role: RoleId, event: &LinkEvent) -> Option<&'static str> {
        let known = |link: &LinkId| self.known.get(&(role, *link)).copied();
        let (link, wrong, next) = match event {
            LinkEvent::DialFailed { .. } | LinkEvent::LateFault { .. } | LinkEvent::Agree { .. } => return None,
            // This role hears of the end only.
            LinkEvent::Closed { .. } if role == RoleId::KeyAgreement => return None,
            LinkEvent::Secured { link, .. } => (link, known(link) != Some(Knows::Connected), Some(Knows::Opened)),
            LinkEvent::Opened { link, .. } => {
                let next = if role == RoleId::Handshake { Knows::Connected } else { Knows::Opened };
                (link, known(link).is_some(), Some(next))
            }
            LinkEvent::Up { link, .. } => (link, known(link) == Some(Knows::Up), Some(Knows::Up)),
            LinkEvent::NewsLost { link, .. } | LinkEvent::Drained { link } | LinkEvent::Bringing { link } => {
                (link, known(link) != Some(Knows::Up), Some(Knows::Up))
            }
            LinkEvent::Frame { link, .. } => match known(link) {
                Some(Knows::Opened) => (link, role != RoleId::Handshake, Some(Knows::Frame)),
                knows => (link, knows != Some(Knows::Up), Some(Knows::Up)),
            },
            LinkEvent::Closed { link, .. } => (link, known(link).is_none(), None),
        };
        match next {
            Some(next) => drop(self.known.insert((role, *link), next)),
            None => drop(self.known.remove(&(role, *link))),
        }
        wrong.then_some("at the wrong time")
    }

    /// The handshake role is ready for a link's next frame.
    pub(super) fn resumes(&mut self, action: &LinkAction) {
        if let LinkAction::Resume(link) = action
            && let Some(knows) = self.known.get_mut(&(RoleId::Handshake, *link))
            && *knows == Knows::Frame
        {
            *knows = Knows::Opened;
        }
    }
}
