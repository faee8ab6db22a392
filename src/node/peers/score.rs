//! Fault points of hosts, and bans. A host is an IPv4 address or a /64 of IPv6 ([`host`]).

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use crate::{
    base::{
        gather::gather,
        limits::{BAN_SCORE_DECAY_PER_MINUTE, MAX_BANS, MAX_SCORES},
        time::{Now, Time, UnixTime},
    },
    chain::archive::Ban,
    node::netgroup::host,
};

/// Fault points that fade.
#[derive(Debug, Default)]
pub(super) struct Scores(BTreeMap<IpAddr, Score>);

#[derive(Clone, Copy, Debug)]
struct Score {
    points: u32,
    /// When `points` was right.
    at: Time,
}

impl Score {
    fn now(&self, now: Time) -> u32 {
        let minutes = u32::try_from(now.since(self.at).as_secs() / 60).unwrap_or(u32::MAX);
        self.points.saturating_sub(minutes.saturating_mul(BAN_SCORE_DECAY_PER_MINUTE))
    }
}

impl Scores {
    /// The points of an address.
    pub(super) fn points(&self, now: Time, ip: IpAddr) -> u32 {
        self.0.get(&host(ip)).map_or(0, |score| score.now(now))
    }

    /// Adds points; returns the new sum.
    pub(super) fn add(&mut self, now: Time, ip: IpAddr, points: u32) -> u32 {
        let ip = host(ip);
        let sum = self.points(now, ip).saturating_add(points);
        if sum > 0 {
            self.make_room(now, ip);
            self.0.insert(ip, Score { points: sum, at: now });
        }
        sum
    }

    /// Forgets an address's points: they have led to a ban, or an operator forgave them.
    pub(super) fn clear(&mut self, ip: IpAddr) {
        self.0.remove(&host(ip));
    }

    fn make_room(&mut self, now: Time, newcomer: IpAddr) {
        if self.0.len() < MAX_SCORES || self.0.contains_key(&newcomer) {
            return;
        }
        self.0.retain(|_, score| score.now(now) > 0);
        if self.0.len() >= MAX_SCORES {
            let least = self.0.iter().min_by_key(|(_, score)| score.now(now)).map(|(ip, _)| *ip);
            least.map(|ip| self.0.remove(&ip));
        }
    }
}

/// Addresses that are kept out, for a time.
#[derive(Debug, Default)]
pub(super) struct Bans {
    bans: BTreeMap<IpAddr, Ban>,
    /// When the next one ends, by the monotonic clock; looked at again then, since the other clock may be stepped.
    expiry: Option<Time>,
}

impl Bans {
    /// Adds or replaces a ban; returns the one that had to make room.
    pub(super) fn insert(&mut self, now: Now, ban: Ban) -> Option<IpAddr> {
        let ban = Ban { ip: host(ban.ip), ..ban };
        let full = self.bans.len() >= MAX_BANS && !self.bans.contains_key(&ban.ip);
        let first = full.then(|| self.bans.values().min_by_key(|ban| ban.until).map(|ban| ban.ip)).flatten();
        first.map(|ip| self.bans.remove(&ip));
        self.bans.insert(ban.ip, ban);
        self.schedule(now);
        first
    }

    /// Lifts a ban; `false` if there was none.
    pub(super) fn remove(&mut self, now: Now, ip: IpAddr) -> bool {
        let found = self.bans.remove(&host(ip)).is_some();
        self.schedule(now);
        found
    }

    /// Takes out the bans that have ended.
    pub(super) fn expired(&mut self, now: Now) -> Vec<IpAddr> {
        if self.expiry.is_none_or(|expiry| now.mono < expiry) {
            return Vec::new();
        }
        let ended: Vec<IpAddr> = self.bans.values().filter(|ban| ban.until <= now.unix).map(|ban| ban.ip).collect();
        self.bans.retain(|ip, _| !ended.contains(ip));
        self.schedule(now);
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

    /// All bans.
    pub(super) fn list(&self) -> Vec<Ban> {
        self.bans.values().cloned().collect()
    }

    /// When [`Bans::expired`] has something to do.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.expiry
    }

    /// Sets the timer; needed once, when the time is first known.
    pub(super) fn schedule(&mut self, now: Now) {
        let first: Option<UnixTime> = self.bans.values().map(|ban| ban.until).min();
        let left = |until: UnixTime| std::time::Duration::from_secs(until.0.saturating_sub(now.unix.0).max(1));
        self.expiry = first.map(|until| now.mono + left(until));
    }
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, time::Duration};

    use super::*;

    fn ip(n: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from(n))
    }

    fn now(seconds: u64) -> Now {
        Now { mono: Time(seconds * 1_000_000), unix: UnixTime(1_000 + seconds) }
    }

    fn ban(n: u32, until: u64) -> Ban {
        Ban { ip: ip(n), until: UnixTime(until), reason: String::new() }
    }

    #[test]
    fn points_add_up_and_fade_by_one_a_minute() {
        let mut scores = Scores::default();
        assert_eq!(scores.add(Time(0), ip(1), 20), 20);
        let later = Time(0) + Duration::from_secs(300);
        assert_eq!(scores.points(later, ip(1)), 15);
        assert_eq!(scores.add(later, ip(1), 20), 35);
        assert_eq!(scores.points(later + Duration::from_secs(1_000_000), ip(1)), 0);
    }

    #[test]
    fn points_and_bans_of_ipv6_are_a_whole_slash_64_s() {
        let (one, other, far) = ("2001:db8:0:7::1", "2001:db8:0:7:ffff::2", "2001:db8:0:8::1");
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let mut scores = Scores::default();
        scores.add(Time(0), ip(one), 20);
        assert_eq!(scores.add(Time(0), ip(other), 20), 40);
        assert_eq!(scores.points(Time(0), ip(far)), 0);
        let mut bans = Bans::default();
        bans.insert(now(0), Ban { ip: ip(one), until: UnixTime(2_000), reason: String::new() });
        assert!(bans.contains(ip(other)) && !bans.contains(ip(far)));
        assert!(bans.remove(now(0), ip(other)) && !bans.contains(ip(one)));
    }

    #[test]
    fn the_lowest_score_makes_room() {
        let mut scores = Scores::default();
        for n in 0..u32::try_from(MAX_SCORES).unwrap() {
            scores.add(Time(0), ip(n), if n == 77 { 5 } else { 20 });
        }
        scores.add(Time(0), ip(u32::MAX), 20);
        assert_eq!((scores.0.len(), scores.points(Time(0), ip(77))), (MAX_SCORES, 0));
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
}
