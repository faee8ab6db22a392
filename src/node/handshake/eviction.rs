//! Which link goes when all slots are taken.
//!
//! If newcomers were refused, an attacker could take all slots first and keep every other node out cheaply. So the least
//! useful link makes room. To stay, a link must be useful in a way that an attacker cannot be everywhere at once: near us,
//! from a network group that the attacker cannot foresee, first with blocks or transactions, or connected for long. The
//! idea is that of Bitcoin Core's eviction logic, with the numbers of a small node.

use std::{cmp::Reverse, collections::BTreeMap, net::IpAddr};

use super::link::{Link, Stage};
use crate::{
    base::{hash::Domain, ids::LinkId, limits::SLOTS_PER_PROTECTED, link_map::LinkMap, time::Time},
    node::{
        limit::Limit,
        netgroup::{NetGroup, host},
    },
};

/// Inbound links, of which one may go.
type Peers<'a> = Vec<(LinkId, &'a Link)>;

/// The inbound peer that makes room for a newcomer; `None`: each is worth more than an unknown newcomer.
pub(super) fn least_useful(links: &LinkMap<Link>, secret: &[u8; 32]) -> Option<LinkId> {
    let is_inbound_peer = |link: &&Link| link.direction.is_inbound() && link.stage == Stage::Up;
    let mut left: Peers<'_> = links.iter().filter(|(_, l)| is_inbound_peer(l)).collect();
    let share = left.len().div_ceil(SLOTS_PER_PROTECTED);
    // With very few slots these shares would be all of them.
    let share = if left.len() <= 8 { 0 } else { share };
    protect(&mut left, share, |link| Some(keyed(secret, NetGroup::of(link.remote.ip()))));
    protect(&mut left, share * 2, |link| link.worth.round_trip);
    protect(&mut left, share, |link| link.worth.transaction.map(Reverse));
    protect(&mut left, share, |link| link.worth.block.map(Reverse));
    let half = left.len().div_ceil(2);
    protect(&mut left, half, |link| Some(link.opened));
    let group = largest_group(&left)?;
    let theirs = left.into_iter().filter(|(_, link)| NetGroup::of(link.remote.ip()) == group);
    theirs.max_by_key(|(id, link)| (link.opened, *id)).map(|(id, _)| id)
}

/// The handshake that makes room for a newcomer's: a refused one, else one of the network group with the most handshakes, of
/// its address with the most, a silent one, the oldest. An honest node completes its handshake in two round trips.
pub(super) fn least_promising<'a>(links: impl Iterator<Item = (LinkId, &'a Link)>) -> Option<LinkId> {
    let all: Peers<'_> = links.filter(|(_, link)| link.direction.is_inbound() && link.stage != Stage::Up).collect();
    let (refused, others): (Peers<'_>, Peers<'_>) = all.into_iter().partition(|(_, link)| link.refused.is_some());
    let from = if refused.is_empty() { others } else { refused };
    let from = of_most(of_most(from, |link| NetGroup::of(link.remote.ip())), |link| host(link.remote.ip()));
    let is_silent = |link: &Link| matches!(link.stage, Stage::Keys | Stage::Version);
    from.into_iter().min_by_key(|(id, link)| (!is_silent(link), link.opened, *id)).map(|(id, _)| id)
}

/// A link without keys that makes room for a newcomer from `ip` where this limit is reached: of the same address, or of the
/// address with the most links of the same network.
pub(super) fn silent_neighbour(links: &LinkMap<Link>, ip: IpAddr, limit: Limit) -> Option<LinkId> {
    let admitted = links.iter().filter(|(_, link)| link.direction.is_inbound() && link.refused.is_none());
    let is_near = |link: &Link| match limit {
        Limit::PerAddress => host(link.remote.ip()) == host(ip),
        Limit::PerNetwork => NetGroup::of(link.remote.ip()) == NetGroup::of(ip),
        _ => false,
    };
    let near: Peers<'_> = admitted.filter(|(_, link)| is_near(link)).collect();
    let silent = near.into_iter().filter(|(_, link)| link.stage == Stage::Keys).collect();
    let from = of_most(silent, |link| host(link.remote.ip()));
    from.into_iter().min_by_key(|(id, link)| (link.opened, *id)).map(|(id, _)| id)
}

/// The links that have in common what most have; of several, those with the oldest link.
fn of_most<K: Ord>(links: Peers<'_>, key: impl Fn(&Link) -> K) -> Peers<'_> {
    let mut parts: BTreeMap<K, Peers<'_>> = BTreeMap::new();
    for (id, link) in links {
        parts.entry(key(link)).or_default().push((id, link));
    }
    let rank = |part: &Peers<'_>| (part.len(), Reverse(part.iter().map(|(id, link)| (link.opened, *id)).min()));
    parts.into_values().max_by_key(rank).unwrap_or_default()
}

/// Takes the `count` links with the smallest keys out. A link without a key stays.
fn protect<K: Ord>(left: &mut Peers<'_>, count: usize, key: impl Fn(&Link) -> Option<K>) {
    for _ in 0..count {
        let keyed = left.iter().filter_map(|(id, link)| Some((key(link)?, *id)));
        let Some((_, first)) = keyed.min() else { return };
        left.retain(|(id, _)| *id != first);
    }
}

/// The network group with most links; of several, the one whose youngest link is youngest.
fn largest_group(links: &Peers<'_>) -> Option<NetGroup> {
    let mut groups: BTreeMap<NetGroup, (usize, Time)> = BTreeMap::new();
    for (_, link) in links {
        let (count, youngest) = groups.entry(NetGroup::of(link.remote.ip())).or_default();
        *count += 1;
        *youngest = link.opened.max(*youngest);
    }
    groups.into_iter().max_by_key(|(_, rank)| *rank).map(|(group, _)| group)
}

/// An order of network groups that no other node can foresee.
fn keyed(secret: &[u8; 32], group: NetGroup) -> [u8; 32] {
    Domain::BUCKET.hash(&[secret.as_slice(), group.bytes()].concat()).0
}
