//! Which peer is the sync node: one of those that have more headers, for as long as it sends them no slower than others
//! would.

use crate::{
    base::{
        ids::LinkId,
        limits::{GET_SYNC_SWITCH, GET_SYNC_TIMEOUT},
        time::Time,
    },
    chain::target::Work,
    node::headers::syncnode::{HeaderSource, HeaderSources, Standing},
};

impl HeaderSource {
    /// The order of preference: the peer with the smallest key is asked.
    fn rank(&self, link: LinkId, best: Work) -> impl Ord + use<> {
        let inbound = self.info.direction.is_inbound();
        let more = self.info.work > best;
        (self.failures, !more, inbound, std::cmp::Reverse((self.info.work, self.height)), link)
    }

    /// Whether it has more and is not asked.
    pub(super) fn may_be_chosen(&self) -> bool {
        self.standing == Standing::More && self.questions.since.is_none() && !self.closing
    }
}

impl HeaderSources {
    /// The peer sent something new: it becomes the sync node unless another one is at work.
    pub(super) fn productive(&mut self, now: Time, link: LinkId) {
        if self.node.is_none() {
            self.node = Some(link);
            self.begin(now);
        } else if self.node == Some(link) {
            self.node_since = now;
        }
    }

    /// The sync node to ask now; a new one is chosen if there is none. `None` if no peer has more, or it was asked.
    pub(super) fn next_node(&mut self, now: Time, best: Work) -> Option<LinkId> {
        let at_work = |peer: &HeaderSource| peer.standing == Standing::More && !peer.closing;
        if !self.node().is_some_and(|(_, peer)| at_work(peer)) {
            self.node = self.candidate(now, best, None);
            self.begin(now);
        }
        self.node().filter(|(_, peer)| peer.questions.since.is_none()).map(|(link, _)| link)
    }

    /// The best peer that has more, other than `except`. Slow ones only if there is no other.
    fn candidate(&self, now: Time, best: Work, except: Option<LinkId>) -> Option<LinkId> {
        let ranked = self
            .busy()
            .filter(|(link, peer)| Some(*link) != except && peer.may_be_chosen())
            .min_by_key(|(link, peer)| (peer.slow_until > now, peer.rank(*link, best)));
        ranked.map(|(link, _)| link)
    }

    /// The peer that is to have the present sync node's role because it is clearly faster. Its claims count for little.
    fn faster(&self, now: Time, best: Work) -> Option<LinkId> {
        let (node, present) = self.node().filter(|(_, peer)| peer.questions.since.is_some())?;
        let pace = present.pace.as_node(now)?;
        let faster = self.busy().filter(|(link, peer)| *link != node && peer.may_be_chosen());
        let ranked = faster.filter_map(|(link, peer)| {
            let (trust, takes) = peer.pace.beats(now, pace)?;
            Some((trust, peer.info.work <= best, peer.info.direction.is_inbound(), takes, link))
        });
        ranked.min().map(|(.., link)| link)
    }

    /// Gives the role of the sync node to another peer if somebody else has more, and the present one is slower, silent, or
    /// brings nothing new for long. Returns the one that lost it.
    pub(super) fn switch(&mut self, now: Time, best: Work) -> Option<LinkId> {
        let link = self.node?;
        let node = self.map.get_mut(&link)?;
        node.pace.wait(now, node.questions.since);
        let silent = node.questions.since.is_some_and(|at| now.since(at) >= GET_SYNC_SWITCH);
        let vain = now.since(self.node_since) >= GET_SYNC_TIMEOUT && node.questions.since.is_some();
        let is_rested = |other: &LinkId| self.map.get(other).is_some_and(|peer| peer.slow_until <= now);
        let next = || if silent || vain { self.candidate(now, best, Some(link)).filter(is_rested) } else { None };
        let other = self.faster(now, best).or_else(next)?;
        if let Some(peer) = self.map.get_mut(&link) {
            peer.pace.lose(now, peer.questions.since);
            peer.slow(now);
        }
        self.node = Some(other);
        self.begin(now);
        Some(link)
    }

    /// There is another sync node.
    fn begin(&mut self, now: Time) {
        self.node_since = now;
        if let Some(peer) = self.node.and_then(|link| self.map.get_mut(&link)) {
            peer.pace.start(now);
        }
    }

    /// The peer has answered the oldest question.
    pub(super) fn answered(&mut self, now: Time, link: LinkId) {
        let is_node = self.node == Some(link);
        let Some(peer) = self.map.get_mut(&link) else { return };
        match peer.questions.since {
            since if is_node => peer.pace.wait(now, since),
            Some(since) => peer.pace.answered(now, since),
            None => {}
        }
    }

    /// The peer is busy with a large frame.
    pub(super) fn brings(&mut self, now: Time, link: LinkId) {
        if let Some(peer) = self.map.get_mut(&link) {
            peer.questions.note_busy(now);
        }
    }

    /// Headers of the peer were of use.
    pub(super) fn delivered(&mut self, now: Time, link: LinkId, headers: usize) {
        if let Some(peer) = self.map.get_mut(&link).filter(|_| self.node == Some(link)) {
            peer.pace.deliver(now, headers);
        }
    }

    /// Peers that left a question open for too long, if there is another peer to ask.
    pub(super) fn overdue(&self, now: Time) -> Vec<LinkId> {
        let late = |peer: &HeaderSource| peer.questions.late_at().is_some_and(|at| at <= now);
        let found: Vec<LinkId> =
            self.busy().filter(|(_, peer)| late(peer) && !peer.closing).map(|(link, _)| link).collect();
        let others = || self.map.values().any(|peer| !late(peer) && !peer.closing);
        if found.is_empty() || others() { found } else { Vec::new() }
    }
}
