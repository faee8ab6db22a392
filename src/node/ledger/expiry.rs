//! How long a transaction may wait.

use crate::base::{limits, time::UnixTime};

/// Whether a transaction that has waited `since` then should be dropped.
pub(super) fn is_expired(since: UnixTime, now: UnixTime) -> bool {
    now.0 > since.0.saturating_add(limits::MEMPOOL_EXPIRY.as_secs())
}
