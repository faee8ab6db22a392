//! Bans of hosts, and of nodes wherever they are. A host is an IPv4 address or a /64 of IPv6 ([`host`]).

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use crate::{
    base::{
        gather::gather,
        ids::NodeId,
        limits::MAX_BANS,
        time::{Now, Time, UnixTime},
    },
    chain::archive::{Ban, Banned},
    node::netgroup::host,
};

/// Hosts and nodes that are kept out, for a time.
#[derive(Debug, Default)]
pub(super) struct Bans {
    bans: BTreeMap<Banned, Timed>,
}

/// A ban and its end by the monotonic clock: the other clock may be stepped while the node runs.
#[derive(Debug)]
struct Timed {
    ban: Ban,
    ends: Time,
    /// Nodes of a banned host that worked when it was banned: they may come back.
    spared: BTreeSet<NodeId>,
}

impl Timed {
    fn new(now: Now, ban: Ban) -> Self {
        let left = ban.until.0.saturating_sub(now.unix.0);
        let left = ban.seconds.map_or(left, |seconds| left.min(seconds));
        Self { ends: now.mono + Duration::from_secs(left), ban, spared: BTreeSet::new() }
    }
}

impl Bans {
    /// Adds or replaces a ban; returns the one that had to make room.
    pub(super) fn insert(&mut self, now: Now, ban: Ban) -> Option<Banned> {
        let ban = Ban { who: whole(ban.who), ..ban };
        let full = self.bans.len() >= MAX_BANS && !self.bans.contains_key(&ban.who);
        let first =
            full.then(|| self.bans.values().min_by_key(|timed| timed.ends).map(|timed| timed.ban.who)).flatten();
        first.map(|who| self.bans.remove(&who));
        self.bans.insert(ban.who, Timed::new(now, ban));
        first
    }

    /// Lets these nodes of a banned host come back.
    pub(super) fn spare(&mut self, ip: IpAddr, nodes: BTreeSet<NodeId>) {
        if let Some(timed) = self.bans.get_mut(&whole(Banned::Host(ip))) {
            timed.spared = nodes;
        }
    }

    /// The nodes that may come back although their host is banned.
    pub(super) fn spared(&self) -> BTreeSet<NodeId> {
        let spared = self.bans.values().flat_map(|timed| timed.spared.iter().copied());
        gather(spared.filter(|node| !self.bans.contains_key(&Banned::Node(*node))))
    }

    /// Lifts a ban; `false` if there was none.
    pub(super) fn remove(&mut self, who: Banned) -> bool {
        self.bans.remove(&whole(who)).is_some()
    }

    /// Takes out the bans that have ended.
    pub(super) fn expired(&mut self, now: Now) -> Vec<Banned> {
        let ended: Vec<Banned> =
            self.bans.iter().filter(|(_, timed)| timed.ends <= now.mono).map(|(who, _)| *who).collect();
        self.bans.retain(|who, _| !ended.contains(who));
        ended
    }

    /// Whether a host or a node is banned.
    pub(super) fn contains(&self, who: Banned) -> bool {
        self.bans.contains_key(&whole(who))
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.bans.len()
    }

    /// All banned hosts.
    pub(super) fn ips(&self) -> BTreeSet<IpAddr> {
        gather(self.bans.keys().filter_map(|who| if let Banned::Host(ip) = who { Some(*ip) } else { None }))
    }

    /// All banned nodes.
    pub(super) fn nodes(&self) -> BTreeSet<NodeId> {
        gather(self.bans.keys().filter_map(|who| if let Banned::Node(node) = who { Some(*node) } else { None }))
    }

    /// All bans, each with its end by the clock as it is now.
    pub(super) fn list(&self, now: Now) -> Vec<Ban> {
        let until = |timed: &Timed| UnixTime(now.unix.0.saturating_add(timed.ends.since(now.mono).as_secs()));
        self.bans.values().map(|timed| Ban { until: until(timed), ..timed.ban.clone() }).collect()
    }

    /// When [`Bans::expired`] has something to do.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.bans.values().map(|timed| timed.ends).min()
    }

    /// Times all bans; needed once, when the time is first known.
    pub(super) fn start(&mut self, now: Now) {
        self.bans.values_mut().for_each(|timed| *timed = Timed::new(now, timed.ban.clone()));
    }
}

/// An address stands for its whole host.
pub(super) fn whole(who: Banned) -> Banned {
    match who {
        Banned::Host(ip) => Banned::Host(host(ip)),
        Banned::Node(_) => who,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn ip(n: u32) -> Banned {
        Banned::Host(IpAddr::V4(Ipv4Addr::from(n)))
    }

    fn now(seconds: u64) -> Now {
        Now { mono: Time(seconds * 1_000_000), unix: UnixTime(1_000 + seconds) }
    }

    fn ban(n: u32, until: u64) -> Ban {
        Ban { who: ip(n), until: UnixTime(until), seconds: None, reason: String::new() }
    }

    #[test]
    fn a_ban_of_ipv6_is_of_a_whole_slash_64() {
        let ip = |text: &str| Banned::Host(text.parse().unwrap());
        let (one, other, far) = (ip("2001:db8:0:7::1"), ip("2001:db8:0:7:ffff::2"), ip("2001:db8:0:8::1"));
        let mut bans = Bans::default();
        bans.insert(now(0), Ban { who: one, until: UnixTime(2_000), seconds: None, reason: String::new() });
        assert!(bans.contains(other) && !bans.contains(far));
        assert!(bans.remove(other) && !bans.contains(one));
    }

    #[test]
    fn a_node_is_banned_wherever_it_is_and_others_of_a_banned_host_are_spared() {
        let [bad, good] = [1, 2].map(|byte| NodeId([byte; 32]));
        let mut bans = Bans::default();
        bans.insert(now(0), ban(1, 2_000));
        bans.insert(now(0), Ban { who: Banned::Node(bad), ..ban(0, 2_000) });
        bans.spare(IpAddr::V4(Ipv4Addr::from(1)), BTreeSet::from([bad, good]));
        assert_eq!((bans.nodes(), bans.spared()), (BTreeSet::from([bad]), BTreeSet::from([good])));
        assert!(bans.remove(ip(1)) && bans.spared().is_empty());
    }

    #[test]
    fn bans_end_by_themselves_and_never_exceed_their_number() {
        let mut bans = Bans::default();
        for n in 0..u32::try_from(MAX_BANS).unwrap() {
            assert_eq!(bans.insert(now(0), ban(n, 2_000 + u64::from(n))), None);
        }
        assert_eq!(bans.insert(now(0), ban(u32::MAX, 9_000)), Some(ip(0)), "the one that ends first makes room");
        assert!(bans.expired(now(1_000)).is_empty());
        assert_eq!(bans.deadline(), Some(now(1_001).mono));
        assert_eq!(bans.expired(now(1_002)), [ip(1), ip(2)]);
        assert!(!bans.contains(ip(2)) && bans.contains(ip(3)));
    }

    #[test]
    fn a_clock_that_is_stepped_does_not_move_the_end_of_a_ban() {
        let (mut bans, month) = (Bans::default(), 30 * 86_400);
        let ahead = Now { unix: UnixTime(1_000 + month), ..now(0) };
        bans.insert(ahead, ban(1, 1_000 + month + 3_600));
        // The clock is put right, and shows the end where it will be.
        assert_eq!(bans.list(now(60))[0].until, UnixTime(1_000 + 3_600));
        assert!(bans.expired(now(3_599)).is_empty());
        assert_eq!(bans.expired(now(3_600)), [ip(1)]);
    }

    #[test]
    fn a_clock_that_is_set_back_between_two_starts_makes_no_ban_longer() {
        let (mut bans, month) = (Bans::default(), 30 * 86_400);
        let kept = Ban { seconds: Some(3_600), ..ban(1, 1_000 + month + 3_600) };
        bans.insert(Now::default(), kept);
        bans.start(now(0));
        assert!(bans.expired(now(3_599)).is_empty());
        assert_eq!(bans.expired(now(3_600)), [ip(1)]);
    }
}
