//! Fault points of hosts and of nodes. A host is an IPv4 address or a /64 of IPv6.

use std::collections::BTreeMap;

use super::bans::whole;
use crate::{
    base::{
        limits::{BAN_SCORE_DECAY_PER_MINUTE, MAX_SCORES},
        time::Time,
    },
    chain::archive::Banned,
};

/// Fault points that fade.
#[derive(Debug, Default)]
pub(super) struct Scores(BTreeMap<Banned, Score>);

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
    /// The points of a host or a node.
    pub(super) fn points(&self, now: Time, who: Banned) -> u32 {
        self.0.get(&whole(who)).map_or(0, |score| score.now(now))
    }

    /// Adds points; returns the new sum.
    pub(super) fn add(&mut self, now: Time, who: Banned, points: u32) -> u32 {
        let who = whole(who);
        let sum = self.points(now, who).saturating_add(points);
        if sum > 0 {
            self.make_room(now, who);
            self.0.insert(who, Score { points: sum, at: now });
        }
        sum
    }

    /// Forgets the points: they have led to a ban, or an operator forgave them.
    pub(super) fn clear(&mut self, who: Banned) {
        self.0.remove(&whole(who));
    }

    fn make_room(&mut self, now: Time, newcomer: Banned) {
        if self.0.len() < MAX_SCORES || self.0.contains_key(&newcomer) {
            return;
        }
        self.0.retain(|_, score| score.now(now) > 0);
        if self.0.len() >= MAX_SCORES {
            let least = self.0.iter().min_by_key(|(_, score)| score.now(now)).map(|(who, _)| *who);
            least.map(|who| self.0.remove(&who));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::{IpAddr, Ipv4Addr},
        time::Duration,
    };

    use super::*;

    fn ip(n: u32) -> Banned {
        Banned::Host(IpAddr::V4(Ipv4Addr::from(n)))
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
    fn the_points_of_ipv6_are_those_of_a_whole_slash_64() {
        let ip = |text: &str| Banned::Host(text.parse().unwrap());
        let mut scores = Scores::default();
        scores.add(Time(0), ip("2001:db8:0:7::1"), 20);
        assert_eq!(scores.add(Time(0), ip("2001:db8:0:7:ffff::2"), 20), 40);
        assert_eq!(scores.points(Time(0), ip("2001:db8:0:8::1")), 0);
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
}
