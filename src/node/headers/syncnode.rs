//! The peers as sources of headers: what each claims, what it was asked, and which one is the sync node.
//!
//! A peer is `Fresh` when there is a reason to ask it: it is new, or it claims something unknown. Each fresh peer is
//! asked once; a peer that answers with headers has `More`, and one of those at a time is the sync node, which is asked
//! round after round until it has nothing more and is `Done`.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use crate::{
    base::{
        hash::Hash,
        ids::LinkId,
        limits::{
            BRANCHES_PER_PEER, FUTURE_RETRY, GET_SYNC_QUIET, GET_SYNC_SWITCH, GET_SYNC_TIMEOUT,
            IDLE_GET_SYNC_PER_SECOND, SKELETONS_PER_SECOND, SYNC_NODE_PAUSE, UNPROVEN_INTERVAL,
        },
        link_map::LinkMap,
        time::{Now, Time},
    },
    chain::{header::Header, target::Work},
    node::{
        PeerInfo,
        headers::{
            clock::RefusedBranch,
            departed::{Departed, Kept},
            pace::Pace,
            promises::Promises,
            questions::Questions,
            skeleton_answers::SkeletonAnswers,
            steps::difference,
            validate::Refused,
        },
        rate_limit::RateLimit,
    },
};

/// Whether a peer is worth a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// To be asked.
    Fresh,
    /// Its last answer was not its last word.
    More,
    /// It had nothing that we lacked.
    Done,
}

pub(super) struct HeaderSource {
    pub(super) info: Arc<PeerInfo>,
    /// Its clock minus our monotonic one, seconds: a clock of ours that is set right is right at once.
    pub(super) clock: i64,
    /// Height and hash of the tip that it claimed last.
    pub(super) height: u32,
    pub(super) claimed: Hash,
    pub(super) standing: Standing,
    pub(super) questions: Questions,
    /// It was asked for a skeleton, and is not the sync node any more.
    pub(super) owes_skeleton: bool,
    /// A reason to ask again came up while a question was open.
    again: bool,
    /// Ask again then: a future header's time will have come, or a claim came too soon after a vain question.
    pub(super) again_at: Option<Time>,
    /// Its last answer's headers that only the clock refused.
    pub(super) refused: Option<Refused>,
    quiet_until: Time,
    pub(super) slow_until: Time,
    pub(super) failures: u32,
    pub(super) pace: Pace,
    /// The header below those of its last answer, if that answer was ignored and the header was not on the best chain.
    pub(super) ignored: Option<(u32, Hash)>,
    /// The last header of its last answer; its next locator contains it.
    pub(super) reached: Option<(u32, Hash)>,
    /// That header, while nothing shows that it counts: its block is not notarised, as far as we know.
    pub(super) held: Option<Box<(Hash, Header)>>,
    /// The last header that was new to us when it sent it.
    pub(super) told: Option<Hash>,
    pub(super) promises: Promises,
    /// The last header that it sent or claimed as its tip, as far as we know that header.
    pub(super) shows: Option<Hash>,
    /// Branches that it may still tell of: each is stored.
    pub(super) branches: RateLimit,
    /// Answers in a row that held known headers only and led no further.
    strikes: u8,
    /// We have closed the link; it is just not gone yet.
    pub(super) closing: bool,
    /// Questions of the peer to us: that brought it no further, how far the last one brought it, and for skeletons.
    pub(super) idle_questions: RateLimit,
    pub(super) served: Option<u32>,
    pub(super) skeletons: RateLimit,
}

#[derive(Default)]
pub(super) struct HeaderSources {
    pub(super) map: LinkMap<HeaderSource>,
    /// All peers that are not idle, and perhaps others. Each event looks at these; of a synced node's many peers they
    /// are few.
    busy: BTreeSet<LinkId>,
    pub(super) node: Option<LinkId>,
    /// When the sync node was chosen or last sent something new.
    pub(super) node_since: Time,
    departed: Departed,
    pub(super) skeletons: SkeletonAnswers,
}

impl HeaderSource {
    fn new(now: Now, info: Arc<PeerInfo>) -> Self {
        Self {
            height: info.height,
            claimed: info.tip,
            clock: info.clock_offset.saturating_add(difference(now)),
            info,
            standing: Standing::Fresh,
            questions: Questions::default(),
            owes_skeleton: false,
            skeletons: RateLimit::per_second(SKELETONS_PER_SECOND),
            again: false,
            again_at: None,
            refused: None,
            quiet_until: Time(0),
            slow_until: Time(0),
            failures: 0,
            pace: Pace::default(),
            ignored: None,
            reached: None,
            held: None,
            told: None,
            promises: Promises::default(),
            shows: None,
            branches: RateLimit::new(now.mono, BRANCHES_PER_PEER, BRANCHES_PER_PEER, UNPROVEN_INTERVAL),
            strikes: 0,
            closing: false,
            idle_questions: RateLimit::per_second(IDLE_GET_SYNC_PER_SECOND),
            served: None,
        }
    }

    /// There is a reason to ask.
    pub(super) fn wake(&mut self, now: Time) {
        match self.standing {
            Standing::Fresh | Standing::More => {}
            Standing::Done if self.questions.since.is_some() => self.again = true,
            Standing::Done if self.quiet_until <= now => self.standing = Standing::Fresh,
            Standing::Done => self.again_at = Some(self.quiet_until),
        }
    }

    /// Neither to be asked nor asked, now or later, unless something happens.
    fn is_idle(&self) -> bool {
        self.closing || (self.standing == Standing::Done && self.questions.since.is_none() && self.again_at.is_none())
    }

    /// It was asked.
    pub(super) fn ask(&mut self, now: Time) {
        self.questions.add(now);
        (self.again, self.again_at, self.ignored) = (false, None, None);
        if self.standing == Standing::Fresh {
            // Until it answers otherwise; `asked` keeps it from being asked twice.
            self.standing = Standing::Done;
        }
    }

    /// It sent headers that are known now, up to this one.
    pub(super) fn showed(&mut self, now: Time, last: Hash) {
        self.promises.add(now, last);
        self.shows = Some(last);
    }

    /// It had nothing new.
    pub(super) fn done(&mut self, now: Time) {
        self.reached = None;
        self.strikes = 0;
        self.pace.start(now);
        self.quiet_until = now + GET_SYNC_QUIET;
        self.standing = if std::mem::take(&mut self.again) { Standing::Fresh } else { Standing::Done };
    }

    /// It sent new headers, up to this one.
    pub(super) fn brought(&mut self, last: (u32, Hash)) {
        self.told = Some(last.1);
        self.height = self.height.max(last.0);
        self.reached = Some(last);
        self.strikes = 0;
        self.quiet_until = Time(0);
        self.standing = Standing::More;
    }

    /// It sent a full batch of known headers, up to this one: its branch may leave ours further on. A second answer
    /// that leads no further counts as a failure.
    pub(super) fn repeated(&mut self, now: Time, last: (u32, Hash)) {
        if self.reached.is_some_and(|(height, _)| last.0 <= height) {
            self.strikes += 1;
        }
        if self.strikes >= 2 {
            self.done(now);
            self.slow(now);
        } else {
            self.reached = Some(last);
            self.standing = Standing::More;
        }
    }

    /// Its next header is from the future: it is asked again when that header's time has come.
    pub(super) fn hold(&mut self, now: Now, refused: Refused, future_limit: u32) {
        self.refused = Some(refused);
        let wait = refused.time.saturating_sub(u64::from(future_limit)).saturating_sub(now.unix.0).max(1);
        self.done(now.mono);
        // Our clock or the peer's may be set right in the meantime: do not wait for a date in years.
        self.again_at = Some(now.mono + Duration::from_secs(wait.min(FUTURE_RETRY.as_secs())));
    }

    /// It is not chosen for a while.
    pub(super) fn slow(&mut self, now: Time) {
        self.failures = self.failures.saturating_add(1);
        self.slow_until = now + SYNC_NODE_PAUSE;
    }
}

impl HeaderSources {
    pub(super) fn insert(&mut self, now: Now, link: LinkId, info: Arc<PeerInfo>) {
        let Kept { pace, failures, slow_until } = self.departed.find(now.mono, &info);
        self.map.insert(link, HeaderSource { pace, failures, slow_until, ..HeaderSource::new(now, info) });
        self.busy.insert(link);
    }

    /// What peers have shown is no longer known here: all are asked again. Answers on their way are of no use.
    pub(super) fn begin_again(&mut self, now: Time) {
        for (link, peer) in self.map.iter_mut() {
            peer.questions.give_up();
            peer.again = peer.questions.since.is_some();
            peer.standing = if peer.again { Standing::Done } else { Standing::Fresh };
            (peer.again_at, peer.refused, peer.quiet_until) = (None, None, now);
            (peer.ignored, peer.reached, peer.held, peer.told, peer.shows) = (None, None, None, None, None);
            (peer.promises, peer.strikes) = (Promises::default(), 0);
            self.busy.insert(link);
        }
        self.node = None;
    }

    pub(super) fn remove(&mut self, now: Time, link: LinkId) {
        if let Some(HeaderSource { info, mut pace, failures, slow_until, questions, .. }) = self.map.remove(&link) {
            pace.leave(now, self.node == Some(link), questions.since);
            self.departed.add(now, &info, Kept { pace, failures, slow_until });
        }
        self.busy.remove(&link);
        if self.node == Some(link) {
            self.node = None;
        }
    }

    /// A peer.
    pub(super) fn get(&self, link: LinkId) -> Option<&HeaderSource> {
        self.map.get(&link)
    }

    pub(super) fn get_mut(&mut self, link: LinkId) -> Option<&mut HeaderSource> {
        let peer = self.map.get_mut(&link)?;
        self.busy.insert(link);
        Some(peer)
    }

    /// Ends an event: those that have become idle need no more looking at.
    pub(super) fn settle(&mut self) {
        let map = &self.map;
        self.busy.retain(|link| map.get(link).is_some_and(|peer| !peer.is_idle()));
    }

    pub(super) fn busy(&self) -> impl Iterator<Item = (LinkId, &HeaderSource)> {
        self.busy.iter().filter_map(|link| Some((*link, self.map.get(link)?)))
    }

    pub(super) fn len(&self) -> usize {
        self.map.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (LinkId, &HeaderSource)> {
        self.map.iter()
    }

    /// The sync node.
    pub(super) fn node(&self) -> Option<(LinkId, &HeaderSource)> {
        let link = self.node?;
        Some((link, self.map.get(&link)?))
    }

    /// The peer that the node waits for: the sync node, else any peer that was asked.
    pub(super) fn source(&self) -> Option<&HeaderSource> {
        let asked = || self.busy().map(|(_, peer)| peer).find(|peer| peer.questions.since.is_some() && !peer.closing);
        self.node().map(|(_, peer)| peer).or_else(asked)
    }

    /// Peers whose time to be asked again has come become fresh.
    pub(super) fn wake_due(&mut self, now: Time) {
        for link in &self.busy {
            let Some(peer) = self.map.get_mut(link) else { continue };
            if peer.again_at.is_some_and(|at| at <= now) && peer.questions.since.is_none() {
                peer.again_at = None;
                peer.standing = Standing::Fresh;
            }
        }
    }

    /// Headers that a clock, set without notice, no longer refuses are asked for at once; not in the second of `hold`.
    pub(super) fn unrefuse(&mut self, now: Now, future_limit: u32) {
        for link in &self.busy {
            let Some(peer) = self.map.get_mut(link) else { continue };
            let limit = now.unix.0.saturating_add(u64::from(future_limit));
            if peer.questions.since.is_none() && peer.refused.is_some_and(|refused| refused.time < limit) {
                peer.refused = None;
                peer.standing = Standing::Fresh;
            }
        }
    }

    /// What peers show of a chain with more work than `best` that only the clock refuses. It is certain if most peers that
    /// we chose show it, or most of all if we chose none: those that come to us may all be one attacker's.
    pub(super) fn refused(&self, best: Work) -> Option<RefusedBranch> {
        let is_chosen = |peer: &HeaderSource| !peer.info.direction.is_inbound();
        let chosen = self.map.values().any(|peer| is_chosen(peer) && !peer.closing);
        let shown = self.refused_by(best, |peer| !chosen || is_chosen(peer));
        shown.or_else(|| Some(RefusedBranch { is_certain: false, ..self.refused_by(best, |_| true)? }))
    }

    fn refused_by(&self, best: Work, counts: impl Fn(&HeaderSource) -> bool) -> Option<RefusedBranch> {
        let counts = |peer: &&HeaderSource| !peer.closing && counts(peer);
        let refused = |peer: &HeaderSource| peer.refused.filter(|refused| refused.valid > 0 && refused.work > best);
        // Peers with refused headers are to be asked again, and hence busy.
        let shown = self.busy().map(|(_, peer)| peer).filter(counts).filter_map(refused);
        let (peers, headers, latest) = shown.fold((0usize, 0u32, 0u64), |(peers, headers, latest), one| {
            (peers + 1, headers.max(one.valid), latest.max(one.latest))
        });
        let of = if peers == 0 { 0 } else { self.map.values().filter(counts).count() };
        (peers > 0).then_some(RefusedBranch { headers, latest, peers, of, is_certain: peers * 2 > of })
    }

    /// Peers to ask besides the sync node.
    pub(super) fn fresh(&self) -> Vec<LinkId> {
        let fresh =
            |peer: &HeaderSource| peer.standing == Standing::Fresh && peer.questions.since.is_none() && !peer.closing;
        self.busy().filter(|(_, peer)| fresh(peer)).map(|(link, _)| link).collect()
    }

    /// Peers other than the sync node that have more.
    pub(super) fn others_with_more(&self) -> impl Iterator<Item = (LinkId, &HeaderSource)> {
        let has_more =
            |peer: &HeaderSource| peer.standing == Standing::More && peer.questions.since.is_none() && !peer.closing;
        self.busy().filter(move |(link, peer)| Some(*link) != self.node && has_more(peer))
    }

    /// Whether some peer may still have headers for us: it has more, or its answer is awaited.
    pub(super) fn more_expected(&self, now: Time) -> bool {
        self.busy().any(|(_, peer)| {
            let awaited = peer.questions.since.is_some_and(|at| now.since(at) < GET_SYNC_SWITCH);
            let more = peer.standing == Standing::More && peer.slow_until <= now;
            !peer.closing && (awaited || more || peer.standing == Standing::Fresh)
        })
    }

    /// When something is to be done that no event will announce, later than `now`.
    pub(super) fn deadline(&self, now: Time) -> Option<Time> {
        let of_peer = |peer: &HeaderSource| {
            let since = peer.questions.since.into_iter().flat_map(|at| [at + GET_SYNC_SWITCH, at + GET_SYNC_TIMEOUT]);
            let asked = since.chain(peer.questions.late_at());
            let again = peer.again_at.filter(|_| peer.questions.since.is_none());
            // A silent sync node, or one that brings nothing new, goes on until another peer is rested.
            let rested = Some(peer.slow_until).filter(|_| peer.may_be_chosen());
            let forgotten = peer.pace.forgotten().filter(|_| peer.may_be_chosen());
            asked.chain(again).chain(rested).chain(forgotten).filter(|at| *at > now).min()
        };
        let since =
            |node: &HeaderSource| Some([node.pace.judged(node.questions.since?), self.node_since + GET_SYNC_TIMEOUT]);
        let of_node = self.node().and_then(|(_, node)| since(node)).into_iter().flatten();
        let peers = self.busy().map(|(_, peer)| peer).filter(|peer| !peer.closing).filter_map(of_peer);
        peers.chain(of_node.filter(|at| *at > now)).min()
    }
}
