//! What the page's first view shows, gathered on the node: a browser then draws it without asking again.

use std::time::Duration;

use serde_json::json;

use crate::{
    node::report::SyncState,
    rpc::{
        continuation::{Continuation, Shared},
        methods::{blocks, mempool, status},
    },
};

/// The requests of the overview; the page finds the answers under these names.
const BLOCKS: (&str, u64) = ("blocks?limit=21", 21);
const MEMPOOL: (&str, u64) = ("mempool?limit=8", 8);
/// How long the page waits for the mempool.
const MEMPOOL_WAIT: Duration = Duration::from_millis(200);

/// Gathers the answers that the first view needs. While the node starts or syncs, the database and the roles are busy:
/// then the page is served without them and asks itself.
pub(super) fn gather(context: &Shared) -> Continuation {
    if matches!(
        context.node.status().state,
        SyncState::Starting | SyncState::Headers | SyncState::Snapshot | SyncState::Blocks
    ) {
        return Continuation::value(&json!({}));
    }
    let context = context.clone();
    Continuation::query_then(move |databases| {
        let list = blocks::page(&context, databases, u64::MAX, BLOCKS.1)?;
        let summary = status::summary(&context);
        let all = move |mempool| json!({ "summary": summary, BLOCKS.0: list, MEMPOOL.0: mempool });
        Ok(mempool::overview(&context, MEMPOOL.1, all).within(MEMPOOL_WAIT))
    })
}
