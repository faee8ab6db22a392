//! Answers to `GetSkeleton`. Each takes milliseconds, and a peer that comes back has a full allowance of its own.

use std::{collections::BTreeMap, net::IpAddr};

use crate::{
    base::{
        hash::Hash,
        limits::{SKELETON_GROUPS, SKELETONS_IN_ALL, SKELETONS_IN_GROUP},
        time::Time,
    },
    chain::archive::{HeaderArchive, StoreError},
    node::{headers::skeleton, netgroup::NetGroup, rate_limit::RateLimit},
};

/// What the peers of each network group may still ask for, and all peers together.
#[derive(Debug)]
pub(super) struct SkeletonAnswers {
    groups: BTreeMap<NetGroup, RateLimit>,
    all: RateLimit,
    /// The last answer, with the block that was asked about and the tip then. Many newcomers ask the same.
    last: Option<([Hash; 2], Vec<Hash>)>,
}

impl Default for SkeletonAnswers {
    fn default() -> Self {
        let (every, most) = SKELETONS_IN_ALL;
        Self { groups: BTreeMap::new(), all: RateLimit::new(Time(0), most, most, every), last: None }
    }
}

impl SkeletonAnswers {
    /// The answer for a peer of this address; an empty one beyond what peers get together: without a skeleton a sync goes
    /// on round by round.
    pub(super) fn give(
        &mut self,
        now: Time,
        ip: IpAddr,
        (archive, from, tip): (&dyn HeaderArchive, &Hash, Hash),
        round: u32,
    ) -> Result<Vec<Hash>, StoreError> {
        if !self.may_take(now, ip) {
            return Ok(Vec::new());
        }
        let about = [*from, tip];
        if let Some((_, hashes)) = self.last.as_ref().filter(|(last, _)| *last == about) {
            return Ok(hashes.clone());
        }
        let hashes = skeleton::above(archive, from, round)?;
        self.last = Some((about, hashes.clone()));
        Ok(hashes)
    }

    fn may_take(&mut self, now: Time, ip: IpAddr) -> bool {
        let group = NetGroup::of(ip);
        if !self.groups.contains_key(&group) && self.groups.len() >= SKELETON_GROUPS {
            self.groups.retain(|_, limit| !limit.is_full(now));
        }
        // An attacker may have more groups than that. All of them share what is left.
        let has_room = self.groups.len() < SKELETON_GROUPS || self.groups.contains_key(&group);
        let (every, most) = SKELETONS_IN_GROUP;
        let fresh = || RateLimit::new(now, most, most, every);
        (!has_room || self.groups.entry(group).or_insert_with(fresh).take(now)) && self.all.take(now)
    }
}
