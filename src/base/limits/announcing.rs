//! Limits of the relay of transactions by short ids.

use std::time::Duration;

use super::{MAX_ANNOUNCED_IDS, MIB, seconds};

/// How long a salt is told to peers; for as long again, short ids by it are still understood.
pub const SALT_LIFETIME: Duration = seconds(3600);
/// Salts that a peer may tell at once …
pub const SALTS_AT_ONCE: u32 = 10;
/// … and the time after which it may tell one more.
pub const SALT_INTERVAL: Duration = seconds(60);
/// Peers that get a transaction as a whole at once. Two branches reach all of a network in few steps.
pub const PUSHED_PEERS: usize = 2;
/// The lead over a peer's other peers with which a link begins. It grows by one with each transaction that the peer asks for
/// or gets whole.
pub const LEAD_AT_FIRST: u8 = 4;
/// The lead with which a peer gets transactions whole …
pub const LEAD_TO_PUSH: u8 = 8;
/// … and with which it does in a node with few peers: in a line there is no other way, and a step must take no longer.
pub const LEAD_OF_FEW: u8 = LEAD_AT_FIRST;
/// The longest lead that is remembered: an old one must not outlast what a peer's other links bring it now.
pub const LEAD_MOST: u8 = 16;
/// What a transaction costs that came whole although it was there: one such in nine keeps the lead as it is.
pub const LEAD_LOST: u8 = 8;
/// Transactions of which it is remembered that they were sent whole to a peer; what it says of them comes at once.
pub const PUSHES_REMEMBERED: usize = 64;
/// Transactions that came whole without need, and of which the sender has yet to be told.
pub const NEEDLESS_REMEMBERED: usize = 64;
/// How long announcements gather, at least and at most. Drawn by lot, so that one of two peers speaks first and the other
/// need not.
pub const ANNOUNCE_AFTER: (Duration, Duration) = (Duration::from_millis(30), Duration::from_millis(90));
/// How much later a node announces a transaction to a peer that is to speak first of the two: its announcement crosses a
/// line of 200 ms by then.
pub const ANNOUNCE_LATER: Duration = Duration::from_millis(300);
/// How long announcements for one peer wait, at least and at most, after the last that it got, for something else that goes to
/// it: alone they cost a frame, a sealed message, a packet, and another one that acknowledges it, 150 bytes for the eight of
/// a short id. The first one after a pause does not wait. Drawn by lot, so that two nodes seldom tell each other at once.
pub const ANNOUNCE_PAUSE: (Duration, Duration) = (Duration::from_millis(300), Duration::from_millis(700));
/// Announcements for one peer that do not wait: a frame of its own costs each of them two bytes more.
pub const ANNOUNCE_ENOUGH: usize = 64;
/// Transactions that are announced at once, however short they have gathered.
pub const ANNOUNCE_BATCH: usize = MAX_ANNOUNCED_IDS;
/// Announced transactions that are kept for peers that ask: those of some seconds. Most of them are in the mempool, too.
pub const RELAYED_TRANSACTIONS: usize = 4096;
/// Bytes of these.
pub const RELAYED_BYTES: usize = 2 * MIB;
/// Short ids that are computed for the questions of one peer, a second and at once: 0.1 µs each.
pub const SHORT_IDS_PER_SECOND: u32 = 40_000;
/// Transactions that one peer announced and that are not here; more are not noted.
pub const OFFERS_PER_PEER: usize = 512;
/// Announced transactions that one peer was asked for and has not sent.
pub const ANNOUNCED_IN_FLIGHT: usize = 512;
/// Times that one peer did not deliver what it announced, which are remembered: more than it may say at once that it has
/// something not.
pub const FAILURES_PER_PEER: usize = 512;
/// How long an announced transaction may take before the next peer that announced it is asked.
pub const ANNOUNCED_TIMEOUT: Duration = seconds(2);
/// Time between two looks at a peer that owes announced transactions. A host that slept sees one of them.
pub const UNDELIVERED_LOOK: Duration = seconds(10);
/// Looks in a row at which a peer still owes them that end its link: an honest one would have lost it by unanswered pings.
pub const UNDELIVERED_LOOKS: u8 = 8;
/// Transactions that a peer may announce and not have when it is asked, at once …
pub const ABSENT_AT_ONCE: u32 = 256;
/// … and the time after which it may so with one more.
pub const ABSENT_INTERVAL: Duration = seconds(1);
