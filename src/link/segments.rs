//! Lines that swallow large packets. Where a router drops them without a word, a handshake passes and no block ever does.
//! Once a dialled link looks like that, its address is dialled with small segments.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use crate::{
    base::{limits, time::Time},
    link::link::Link,
    node::{CloseReason, PeerFault},
};

/// Bytes of a small segment: with its headers it fits into 1,280 bytes, the least that a line of IPv6 carries.
const SMALL_SEGMENT: u32 = 1200;
/// How long an address is dialled with small segments.
const HOLDS: Duration = Duration::from_secs(3600);
/// Addresses that are remembered; the oldest makes room.
const MOST: usize = 64;
/// Links to one address that end for want of any sign of life before its line is suspected. One may be an accident.
const SILENT_ENDS: u8 = 2;
/// A peer that was heard this long before its link ended for an unanswered ping was there all the time.
const HEARD_WITHIN: Duration = Duration::from_secs(limits::PONG_TIMEOUT.as_secs() / 2);

/// A peer of which nothing was heard for this long before a request of ours was late sends nothing that gets here.
const SILENCE: Duration = Duration::from_secs(limits::GET_SYNC_TIMEOUT.as_secs() - 2);

/// Addresses behind such lines, or suspected to be.
#[derive(Default)]
pub(super) struct Segments(BTreeMap<SocketAddr, Suspect>);

struct Suspect {
    since: Time,
    /// Links that ended.
    ends: u8,
}

impl Segments {
    /// The most bytes in a segment to this address; `None`: as many as the line is said to carry.
    pub(super) fn limit(&self, address: SocketAddr) -> Option<u32> {
        self.0.get(&address).is_some_and(|suspect| suspect.ends >= SILENT_ENDS).then_some(SMALL_SEGMENT)
    }

    /// A link of ours to an address has ended.
    pub(super) fn ended(&mut self, now: Time, link: &Link, reason: &CloseReason) {
        let address = link.remote;
        self.0.retain(|_, suspect| now.since(suspect.since) < HOLDS);
        if link.direction.is_inbound() || !link.up || !is_silence(now, link, reason) {
            return;
        }
        if self.limit(address).is_some() {
            // Small segments did not help.
            self.0.remove(&address);
            return;
        }
        if self.0.len() >= MOST
            && let Some(oldest) = self.0.iter().min_by_key(|(_, suspect)| suspect.since).map(|(address, _)| *address)
        {
            self.0.remove(&oldest);
        }
        // Its own small messages came all the time: what does not pass is ours.
        let is_there =
            *reason == CloseReason::Fault(PeerFault::PingTimeout) && link.was_heard_within(now, HEARD_WITHIN);
        let suspect = self.0.entry(address).or_insert(Suspect { since: now, ends: 0 });
        suspect.since = now;
        suspect.ends = if is_there { SILENT_ENDS } else { suspect.ends + 1 };
        if suspect.ends >= SILENT_ENDS {
            log::warn!("large packets seem not to pass, the next connection has small segments address={address}");
        }
    }

    /// Whether no address is suspected.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whether a link ended because nothing more came from the other side, or nothing of ours got there. On a slow line answers
/// are late, too, but bytes of something come all the time.
fn is_silence(now: Time, link: &Link, reason: &CloseReason) -> bool {
    match reason {
        CloseReason::Fault(PeerFault::PingTimeout) => true,
        CloseReason::Fault(PeerFault::SyncStall | PeerFault::BlockStall) => !link.was_heard_within(now, SILENCE),
        _ => false,
    }
}
