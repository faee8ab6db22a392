//! Snapshots of the coins.

use std::time::Duration;

use super::{KIB, MIB, seconds};

// ---- Joining. ----

/// Peers that we dialled which must have told all of their chains before the best of these is taken for the one to join.
pub const JOIN_PEERS: usize = 3;
/// How long such peers are waited for.
pub const JOIN_GATHER: Duration = seconds(3);
/// How long a chain is waited for that a peer claims to have more work, or any chain at all.
pub const JOIN_CLAIM_WAIT: Duration = seconds(30);
/// How long the best chain must have been too short for a snapshot before the join is given up for good, with [`JOIN_PEERS`] that we
/// dialled; with fewer it is [`JOIN_CLAIM_WAIT`].
pub const TOO_SHORT_FOR: Duration = seconds(5);
/// Pieces that one peer may be asked for at once: a megabyte, more than most lines hold.
pub const PIECES_PER_PEER: usize = 4;
/// Pieces that all peers together may be asked for at once. As many may wait in memory.
pub const PIECES_IN_FLIGHT: usize = 16;
/// `GetSnapshot` and `GetPiece` of one peer without an answer at which we read no further from it: twice what a node has
/// open.
pub const UNANSWERED_PIECES: usize = 2 * (PIECES_PER_PEER + 1);
/// A piece that has not come after this time is asked of another peer, too.
pub const PIECE_TIMEOUT: Duration = seconds(10);
/// A peer that has not sent a piece after this time is asked for no more, and its link ends if others can be asked.
pub const PIECE_STALL: Duration = seconds(40);
/// The same when there is nothing else to ask for.
pub const PIECE_HEDGE: Duration = seconds(2);
/// How long peers that were asked for manifests are waited for once the first of them has one.
pub const MANIFEST_GATHER: Duration = seconds(3);
/// How long the first snapshot that is tried has to show how fast it comes, while peers offer others: long enough for the first
/// pieces over a slow line.
pub const PLAN_TRIAL: Duration = seconds(3);
/// A snapshot that will be here within this time, at the rate at which it comes, is not left for another.
pub const PLAN_PATIENCE: Duration = seconds(12);
/// How long after the first manifest snapshots are tried. Later one is left only if it has become much slower, or stands.
pub const PLAN_CHOICE: Duration = seconds(30);
/// How long a snapshot that nobody has any more is waited for.
pub const PLAN_ABANDONED: Duration = seconds(30);
/// Shortest time between two reports of progress.
pub const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);
/// How long a manifest may take.
pub const MANIFEST_TIMEOUT: Duration = seconds(20);
/// A snapshot of which a piece was asked for in this time is not forgotten for newer ones: one besides the last two.
pub const SNAPSHOT_HELD: Duration = seconds(60);
/// How long at most.
pub const SNAPSHOT_HELD_MOST: Duration = seconds(3600);
/// How long a join may come no nearer to its end before further peers are looked for: none of those that are linked may have a snapshot.
pub const SNAPSHOT_SOUGHT_AFTER: Duration = seconds(10);
/// How often peers are asked again for snapshots while none is of use.
pub const MANIFEST_INTERVAL: Duration = seconds(10);
/// How often a peer that has none of use is asked which one is its newest, so that an operator hears of it.
pub const NEWEST_INTERVAL: Duration = seconds(60);
/// Manifests that are kept at once.
pub const MAX_MANIFESTS: usize = 16;
/// Pieces of all of them together: each takes four bytes.
pub const MAX_MANIFEST_PIECES: usize = 131_072;
/// `GetSnapshot` from one peer: at once, and one each time this has passed.
pub const GET_SNAPSHOTS: (Duration, u32) = (seconds(5), 10);

// ---- Making. ----

/// Blocks between two snapshots, at least, unless the operator names another number.
pub const SNAPSHOT_INTERVAL: u32 = 1000;
/// Blocks that must be above a snapshot on chains of proof of work, unless the operator names another number.
pub const JOIN_DEPTH: u32 = 1000;
/// Seconds by which a snapshot's block must be older than the best header, unless the operator names a number of blocks.
pub const JOIN_SECONDS: u64 = 86_400;

// ---- The past of a node that has begun with a snapshot. ----

/// Old blocks that are wanted at once.
pub const PAST_WINDOW: usize = 256;
/// Requests for old blocks that are open at once.
pub const PAST_IN_FLIGHT: usize = 64;
/// Bytes of old bodies that are asked for, or wait for the second ledger; one is always asked for. A new block may come behind
/// them, on the line and before the verifier: of payments these take some 15 ms there.
pub const PAST_BYTES: usize = 256 * KIB;
/// Coin changes of the second ledger that are held in memory.
pub const PAST_OVERLAY_BYTES: usize = MIB;
/// Blocks that go over to the first ledger at once, which commits them: some milliseconds.
pub const PAST_CARRIED_BLOCKS: usize = 64;
/// The same in bytes.
pub const PAST_CARRIED_BYTES: usize = 256 * KIB;
/// How soon the header above the past is looked for again, if it is not there yet.
pub const PAST_HEADER_RETRY: Duration = seconds(1);
/// Time between two such steps: the ledger has better to do.
pub const PAST_CARRY_PAUSE: Duration = Duration::from_millis(10);
