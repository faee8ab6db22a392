//! Bans of hosts. A host is an IPv4 address or a /64 of IPv6 ([`host`]).

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use crate::{
    base::{
        gather::gather,
        limits::MAX_BANS,
        time::{Now, Time, UnixTime},
    },
    chain::archive::Ban,
    node::netgroup::host,
};

/// Addresses that are kept out, for a time.
#[derive(Debug, Default)]
pub(super) struct Bans {
    bans: BTreeMap<IpAddr, Timed>,
}

/// A ban and its end by the monotonic clock: the other clock may be stepped while the node runs.
#[derive(Debug)]
struct Timed {
    ban: Ban,
    ends: Time,
}

impl Timed {
    fn new(now: Now, ban: Ban) -> Self {
        let left = ban.until.0.saturating_sub(now.unix.0);
        let left = ban.seconds.map_or(left, |seconds| left.min(seconds));
        Self { ends: now.mono + Duration::from_secs(left), ban }
    }
}

impl Bans {
    /// Adds or replaces a ban; returns the one that had to make room.
    pub(super) fn insert(&mut self, now: Now, ban: Ban) -> Option<IpAddr> {
        let ban = Ban { ip: host(ban.ip), ..ban };
        let full = self.bans.len() >= MAX_BANS && !self.bans.contains_key(&ban.ip);
        let first = full.then(|| self.bans.values().min_by_key(|timed| timed.ends).map(|timed| timed.ban.ip)).flatten();
        first.map(|ip| self.bans.remove(&ip));
        self.bans.insert(ban.ip, Timed::new(now, ban));
        first
    }

    /// Lifts a ban; `false` if there was none.
    pub(super) fn remove(&mut self, ip: IpAddr) -> bool {
        self.bans.remove(&host(ip)).is_some()
    }

    /// Takes out the bans that have ended.
    pub(super) fn expired(&mut self, now: Now) -> Vec<IpAddr> {
        let ended: Vec<IpAddr> =
            self.bans.iter().filter(|(_, timed)| timed.ends <= now.mono).map(|(ip, _)| *ip).collect();
        self.bans.retain(|ip, _| !ended.contains(ip));
        ended
    }

    /// Whether an address is banned.
    pub(super) fn contains(&self, ip: IpAddr) -> bool {
        self.bans.contains_key(&host(ip))
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.bans.len()
    }

    /// All banned addresses.
    pub(super) fn ips(&self) -> BTreeSet<IpAddr> {
        gather(self.bans.keys().copied())
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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn ip(n: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from(n))
    }

    fn now(seconds: u64) -> Now {
        Now { mono: Time(seconds * 1_000_000), unix: UnixTime(1_000 + seconds) }
    }

    fn ban(n: u32, until: u64) -> Ban {
        Ban { ip: ip(n), until: UnixTime(until), seconds: None, reason: String::new() }
    }

    #[test]
    fn a_ban_of_ipv6_is_of_a_whole_slash_64() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let (one, other, far) = (ip("2001:db8:0:7::1"), ip("2001:db8:0:7:ffff::2"), ip("2001:db8:0:8::1"));
        let mut bans = Bans::default();
        bans.insert(now(0), Ban { ip: one, until: UnixTime(2_000), seconds: None, reason: String::new() });
        assert!(bans.contains(other) && !bans.contains(far));
        assert!(bans.remove(other) && !bans.contains(one));
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
