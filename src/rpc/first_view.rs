//! What the page's first view shows, gathered on the node: a browser then draws it without asking again.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::{
    node::report::SyncState,
    rpc::{
        continuation::{Continuation, Shared},
        methods::{blocks, mempool, status},
        page,
    },
};

/// The requests of the overview; the page finds the answers under these names.
const BLOCKS: (&str, u64) = ("blocks?limit=21", 21);
const MEMPOOL: (&str, u64) = ("mempool?limit=8", 8);
/// Blocks in the list, which has more of each than the charts have.
const LISTED: usize = 9;
/// What the first view draws of a block, of one in the charts, and how many letters of a memo and one more.
const OF_LISTED: [&str; 9] =
    ["height", "time", "transactions", "size", "hash", "miner", "difficulty", "final", "in_best_chain"];
const OF_CHARTS: [&str; 4] = ["height", "time", "transactions", "size"];
const OF_MEMO: usize = 41;
/// What it draws of a waiting transaction.
const OF_WAITING: [&str; 9] = ["id", "paid", "fee", "fee_rate", "size", "since", "from", "to", "memo"];
/// What no view draws of the summary: whoever wants it asks for the status.
const NOT_DRAWN: [&str; 9] = [
    "limits",
    "hindrances",
    "traffic",
    "work",
    "state_digest",
    "node_id",
    "history",
    "last_reorganisation",
    "clock_offset_s",
];
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
        let list = blocks_drawn(blocks::page(&context, databases, u64::MAX, BLOCKS.1)?);
        let summary = summary_drawn(status::summary(&context));
        let all = move |mempool| {
            let parts = [("summary", summary), (BLOCKS.0, list), (MEMPOOL.0, mempool_drawn(mempool))];
            within(page::room(), parts)
        };
        Ok(mempool::overview(&context, MEMPOOL.1, all).within(MEMPOOL_WAIT))
    })
}

/// The answers for which there is room in the page. It asks for the others itself, as for all that comes later.
fn within(mut room: usize, parts: [(&str, Value); 3]) -> Value {
    let mut answers = Map::new();
    for (name, part) in parts {
        // Quotes, a colon and a comma or a brace stand around them.
        let bytes = page::embedded(&part.to_string()).len() + name.len() + 5;
        if let Some(rest) = room.checked_sub(bytes) {
            room = rest;
            answers.insert(name.to_owned(), part);
        }
    }
    Value::Object(answers)
}

// What the view does not draw is left out: the page with all of this is to have at most 64 KiB.

fn blocks_drawn(mut list: Value) -> Value {
    for (at, block) in list.as_array_mut().into_iter().flatten().enumerate() {
        let drawn: &[&str] = if at < LISTED { &OF_LISTED } else { &OF_CHARTS };
        if let Some(fields) = block.as_object_mut() {
            fields.retain(|name, _| drawn.contains(&name.as_str()));
        }
    }
    list
}

fn mempool_drawn(mut mempool: Value) -> Value {
    for waiting in mempool["transactions"].as_array_mut().into_iter().flatten() {
        if let Some(fields) = waiting.as_object_mut() {
            fields.retain(|name, _| OF_WAITING.contains(&name.as_str()));
        }
        if let Some(Value::String(memo)) = waiting.get_mut("memo") {
            *memo = memo.chars().take(OF_MEMO).collect();
        }
    }
    mempool
}

fn summary_drawn(mut summary: Value) -> Value {
    if let Some(fields) = summary.as_object_mut() {
        fields.retain(|name, _| !NOT_DRAWN.contains(&name.as_str()));
    }
    summary
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_left_to_the_page_to_ask_for() {
        let parts = || [("summary", json!({ "a": 1 })), ("blocks", json!(["<".repeat(100)])), ("mempool", json!([5]))];
        let whole = within(usize::MAX, parts());
        assert_eq!(whole.as_object().unwrap().len(), 3);
        let bytes = page::embedded(&whole.to_string()).len();
        for room in 0..=bytes {
            let some = within(room, parts());
            assert!(some == json!({}) || page::embedded(&some.to_string()).len() <= room, "{room}: {some}");
            if some.get("blocks").is_none() && room > 100 {
                assert_eq!(some, json!({ "summary": { "a": 1 }, "mempool": [5] }), "the others stay");
            }
        }
        assert_eq!(within(bytes + 2, parts()), whole);
    }
}
