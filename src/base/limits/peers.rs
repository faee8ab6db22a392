//! Limits of connections, keep-alive and discovery.

use std::time::Duration;

use super::seconds;

// ---- Connections. ----

/// Links that others opened to us.
pub const MAX_INBOUND: usize = 48;
/// Links that we opened, anchors included, feelers not.
pub const MAX_OUTBOUND: usize = 8;
/// Accepted links from one IP address, unless `--max-per-address` says otherwise (loopback is exempt on test chains). A
/// router or a container host has this many nodes behind it; a sixth of all slots is left to one address at most.
pub const MAX_INBOUND_PER_IP: usize = 8;
/// Accepted links from one /16 (IPv4) or /32 (IPv6).
pub const MAX_INBOUND_PER_GROUP: usize = 16;
/// Accept-to-promotion; long enough for two round trips over a bad line.
pub const HANDSHAKE_TIMEOUT: Duration = seconds(10);
/// Outbound peers that are redialled first after a restart: a defence against eclipse at a restart.
pub const ANCHORS: usize = 2;
/// The retry-after that a newcomer is told when no slot is free.
pub const FULL_RETRY_AFTER: Duration = seconds(60);

// ---- Keep-alive and discovery. ----

/// How long after the answer to its own last `Ping` a side sends the next one; less for the side that dialled, so that the
/// two do not ping each other at once.
pub const PING_INTERVAL: Duration = seconds(24);
/// How long after the other side's `Ping` it is this side's turn: one ping in this time shows both that the link works.
pub const PING_TURN: Duration = seconds(20);
/// The longest time between two pings, whatever the other side sends: pings tell the tip.
pub const PING_LONGEST: Duration = seconds(60);
/// Shortest time between pings to a peer that tell it of a tip.
pub const TIP_PING_INTERVAL: Duration = seconds(1);
/// How much earlier a ping may be sent, so that one wake serves several peers.
pub const PING_TOGETHER: Duration = seconds(3);
/// Silence after a `Ping` that ends the link: 24 s + 45 s = dead after 69 s.
pub const PONG_TIMEOUT: Duration = seconds(45);
/// Silence after which a peer counts as gone: a `Ping` and no `Pong`.
pub const DEAD_AFTER: Duration = seconds(PING_INTERVAL.as_secs() + PONG_TIMEOUT.as_secs());
/// Time between two dial attempts for missing outbound links.
pub const DIAL_INTERVAL: Duration = Duration::from_millis(500);
/// The same on a test chain, where a cluster must form, and heal, within seconds …
pub const DIAL_INTERVAL_TEST: Duration = Duration::from_millis(50);
/// … and the number of dials that may go out at once.
pub const DIAL_BURST_TEST: u32 = 16;
/// How long an address must have led to no peer before people are told: a network that starts needs a few dials.
pub const DIAL_FAILING_AFTER: Duration = seconds(5);
/// How long a node with all the peers that it wants may have heard from nobody before it counts as unreachable. By then
/// other nodes have tested its address with feelers.
pub const UNREACHABLE_AFTER: Duration = seconds(1800);
/// First wait before an address that failed is tried again; doubles with each failure.
pub const REDIAL_FIRST: Duration = seconds(2);
/// Wait before a dial is tried again for which this host had no way: nothing was sent, and a network that comes back is to
/// be used at once.
pub const OFFLINE_RETRY: Duration = seconds(1);
/// Longest wait before a configured (`--connect`, bootnode) address is tried again.
pub const REDIAL_MAX_CONFIGURED: Duration = seconds(30);
/// Longest wait before a learned address is tried again.
pub const REDIAL_MAX: Duration = seconds(600);
/// Longest wait before any address is tried again on a test chain: a healed partition must close within seconds.
pub const REDIAL_MAX_TEST: Duration = seconds(5);
/// How long one address of a name may take before the next one is dialled beside it (RFC 8305, section 8).
pub const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
/// Longest wait before a name is resolved again; the host keeps answers for as long as they hold.
pub const RESOLVE_MAX: Duration = seconds(10);
/// Addresses of one name that are tried; more are left out.
pub const MAX_NAME_ADDRESSES: usize = 16;
/// Dials under way at the same time; more wait for the next one to end.
pub const PENDING_DIALS: usize = 16;
/// Addresses whose back-off is remembered; when full, the one that ends first is forgotten.
pub const MAX_BACKOFFS: usize = 2048;
/// Addresses that an operator may have kept connected; more are refused.
pub const MAX_CONFIGURED: usize = 64;
/// Addresses that an operator may deny on a test chain; more are refused.
pub const MAX_DENIED: usize = 1024;
/// Addresses known to be our own, found by dialling ourselves; more are not remembered.
pub const MAX_OWN_ADDRESSES: usize = 64;
/// Time between two `GetPeers` to the same peer while we look for more peers.
pub const GET_PEERS_INTERVAL: Duration = seconds(30);
/// The longest time between them, reached by doubling while the peer tells nothing new: in a small network whose nodes all
/// know each other the questions would be most of the bytes.
pub const GET_PEERS_LONGEST: Duration = seconds(480);
/// Time between two feelers: short test dials that move an address from "new" to "tried".
pub const FEELER_INTERVAL: Duration = seconds(120);
/// Addresses heard of but not yet reached by us.
pub const BOOK_NEW: usize = 1024;
/// Addresses that we have shaken hands with.
pub const BOOK_TRIED: usize = 256;
/// Failures in a row after which a learned address is forgotten.
pub const BOOK_FAILURES: u32 = 10;
/// Failures without any success that let a newer address take the place of an untested one.
pub const BOOK_FAILURES_UNTESTED: u32 = 3;
/// An address that nobody vouched for in this time gives up its place; also the oldest age that is believed.
pub const BOOK_HORIZON: Duration = seconds(30 * 86_400);
/// The age of an address that a peer claims to have seen in the future (Bitcoin Core's number).
pub const BOOK_UNBELIEVED_AGE: Duration = seconds(5 * 86_400);
/// A newer last-seen time is stored only if it is newer by this much: fewer writes.
pub const BOOK_REFRESH: Duration = seconds(3600);
/// Tried addresses that wait to be tested because a newcomer wants their place; more wait for another success.
pub const BOOK_COLLISIONS: usize = 10;
/// Time between two addresses that a peer may tell unasked.
pub const ADDRESS_INTERVAL: Duration = seconds(10);
/// A book of up to this many addresses is told in full; of a larger one at most 23 % (Bitcoin Core's number).
pub const PEERS_ANSWER_ALL: usize = 64;
/// How long every `GetPeers` gets the same answer, so that repeated requests do not reveal the whole book.
pub const PEERS_ANSWER_KEPT: Duration = seconds(3600);
/// Pings that a peer may send at once; one a second beyond that.
pub const PING_BURST: u32 = 30;
/// Bans that are kept; the one that ends first makes room.
pub const MAX_BANS: usize = 4096;
/// How long a fault of the heavier kind keeps an address out.
pub const BAN_TIME: Duration = seconds(3600);
/// Fault points at which an address is banned.
pub const BAN_SCORE: u32 = 100;
/// IP addresses with fault points that are remembered; the lowest score makes room.
pub const MAX_SCORES: usize = 4096;
/// Peers whose links have ended and that still pay for a fault that is found later: a body of a branch may be judged minutes
/// after it came.
pub const DEPARTED_PEERS: usize = 1024;
/// Fault points that an address loses per minute.
pub const BAN_SCORE_DECAY_PER_MINUTE: u32 = 1;
