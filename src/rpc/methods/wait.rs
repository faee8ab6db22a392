//! Long polls: calls that are answered when a condition has come true.
//!
//! Each looks at the state at the start and after every change of the status. The first look comes after the wait was
//! registered, so no change is missed. A wait whose time is up answers `ok: false`; that is not an error.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::{
    base::{hash::Hash, time::Time},
    node::command::{LedgerCommand, Reply},
    rpc::{
        answers,
        context::{Context, View},
        continuation::{Continuation, Shared, Wait, unexpected},
        error::RpcError,
        events::Event,
        json::object,
        methods::method::Method,
        params::Args,
        render,
        schema::{ID, Schema, optional, required},
        sealing, undone,
    },
};

/// Blocks between two tips that `events` reports one by one.
const RPC_EVENT_BLOCKS: u32 = 100;
/// The longest wait.
const RPC_WAIT_MAX: Duration = Duration::from_secs(24 * 3600);

/// How long a call waits by default.
const DEFAULT: Duration = Duration::from_secs(60);

/// What can be waited for.
const KIND: Schema = Schema::Choice(&["ready", "synced", "height", "peers", "tx", "final"]);

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "wait",
        params: &[
            required("kind", KIND, "ready (the node answers), synced (as /readyz), height, peers, tx or final"),
            optional("value", ID, "the height, the number of peers, or the transaction's id"),
            optional("confirmations", Schema::Integer, "tx: how many; 1 if left out, 0: in the mempool is enough"),
            optional("timeout", Schema::Number, "seconds; 60 if left out"),
        ],
        summary: "answers when a condition holds, or when the time is up",
        returns: "an object: ok says which of the two; the rest are the facts at that moment",
        result: answers::waits::FACTS,
        errors: &[],
        handler: wait,
    },
    Method {
        name: "events",
        params: &[
            optional("since", Schema::Integer, "the \"next\" of the answer before; from now on if left out"),
            optional("timeout", Schema::Number, "seconds; 60 if left out, 0: what there is now"),
        ],
        summary: "what happened after an earlier answer; waits for something to happen if nothing did",
        returns: "an object: events (each with seq, time and event: block, reorganisation, state, peers, mempool or \
                  warnings), next, and missed if some were forgotten",
        result: answers::waits::EVENTS,
        errors: &[],
        handler: |context, args| {
            let since = args.integer("since").unwrap_or_else(|| context.events.last());
            Ok(events(context, since, timeout_of(args)))
        },
    },
    Method {
        name: "waitforblockheight",
        params: &[
            required("height", Schema::Integer, "height"),
            optional("timeout", Schema::Integer, "milliseconds; 0 or left out: very long"),
        ],
        summary: "answers when the tip has reached a height, or when the time is up",
        returns: "the tip's hash and height",
        result: answers::waits::TIP,
        errors: &[],
        handler: |context, args| {
            let height = args.integer_in("height", 0..=u64::from(u32::MAX), 0)?;
            let reached = move |view: &View| height_of(view) >= Some(height);
            Ok(until(reached, tip_facts, deadline(context, core_timeout(args))))
        },
    },
    Method {
        name: "waitfornewblock",
        params: &[optional("timeout", Schema::Integer, "milliseconds; 0 or left out: very long")],
        summary: "answers when the tip has moved, or when the time is up",
        returns: "the tip's hash and height",
        result: answers::waits::TIP,
        errors: &[],
        handler: |context, args| {
            let before = context.tip()?.hash;
            let moved = move |view: &View| view.status.tip.as_ref().is_some_and(|tip| tip.hash != before);
            Ok(until(moved, tip_facts, deadline(context, core_timeout(args))))
        },
    },
];

fn wait(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    let until_time = deadline(context, timeout_of(args));
    let value = args.id("value", "");
    let number = || value.parse::<u64>().map_err(|_| RpcError::invalid_params("\"value\" must be a whole number"));
    match args.required_text("kind")? {
        "ready" => Ok(facts_when(|view| view.status.is_up(), until_time)),
        "synced" => Ok(facts_when(|view| view.status.is_ready(), until_time)),
        "height" => {
            let height = number()?;
            Ok(facts_when(move |view| height_of(view) >= Some(height), until_time))
        }
        "peers" => {
            let peers = number()?;
            let count = |view: &View| view.status.inbound.saturating_add(view.status.outbound);
            Ok(facts_when(move |view| u64::try_from(count(view)).is_ok_and(|count| count >= peers), until_time))
        }
        kind @ ("tx" | "final") => {
            let is_final = kind == "final";
            if is_final && context.chain.authorities.at(1).is_none() {
                return Err(RpcError::bad_parameter(
                    "only a chain that authorities seal has final blocks; wait for tx",
                ));
            }
            let id = value
                .trim()
                .parse()
                .map_err(|_| RpcError::bad_parameter("\"value\" must be a transaction id of 64 hex digits"))?;
            let confirmations = args.integer_in("confirmations", 0..=u64::from(u32::MAX), 1)?;
            Ok(probe(Transaction { context: context.clone(), id, confirmations, is_final, until: until_time }))
        }
        _ => Err(RpcError::bad_parameter("\"kind\" is ready, synced, height, peers, tx or final")),
    }
}

fn timeout_of(args: &Args) -> Duration {
    args.number("timeout").map_or(DEFAULT, |seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

/// Waits for events after number `since`.
fn events(context: &Shared, since: u64, timeout: Duration) -> Continuation {
    let (now, late) = (context.clone(), context.clone());
    Continuation::Wait(Wait {
        until: deadline(context, timeout),
        brief: false,
        ready: Box::new(move |_| {
            let (list, missed) = now.events.since(since);
            (!list.is_empty() || missed).then(|| tell(list, missed, now.events.last()))
        }),
        late: Box::new(move |_| tell(Vec::new(), false, late.events.last())),
    })
}

/// The answer. With a reorganisation, the mempool is asked first: a payment that waits again is not undone.
fn tell(list: Vec<Event>, missed: bool, next: u64) -> Continuation {
    if !list.iter().any(|event| event.fields.contains_key("old_tip")) {
        return tell_with(list, Vec::new(), missed, next);
    }
    Continuation::ask(LedgerCommand::Mempool { limit: usize::MAX }, move |reply| {
        let Reply::Mempool(entries) = reply else { return Err(unexpected(reply)) };
        Ok(tell_with(list, entries.iter().map(|entry| entry.transaction.txid).collect(), missed, next))
    })
}

/// The answer, with the blocks between two tips looked up, and the payments that are undone.
fn tell_with(list: Vec<Event>, waiting: Vec<Hash>, missed: bool, next: u64) -> Continuation {
    Continuation::query(move |databases| {
        let mut events = Vec::with_capacity(list.len());
        for mut event in list {
            let depth = event.fields.get("depth").and_then(Value::as_u64).and_then(|depth| usize::try_from(depth).ok());
            let old_tip = event.fields.get("old_tip").and_then(Value::as_str).and_then(|hash| hash.parse().ok());
            if let (Some(depth), Some(old_tip)) = (depth, old_tip) {
                let undone = undone::of_branch(databases, &old_tip, depth, |txid| waiting.contains(txid))?;
                event.fields.insert("undone".to_owned(), json!(undone));
            }
            let height = event.fields.get("height").and_then(Value::as_u64);
            if let (Some(after), Some(height)) = (event.after, height) {
                let height = u32::try_from(height).unwrap_or(u32::MAX);
                let first = after.saturating_add(1).max(height.saturating_sub(RPC_EVENT_BLOCKS));
                for between in first..height {
                    // Not there: a reorganisation came in between, and is the next event.
                    let Ok(row) = databases.at_height(u64::from(between)) else { break };
                    let mut fields = event.fields.clone();
                    fields.insert("height".to_owned(), json!(between));
                    fields.insert("hash".to_owned(), json!(row.hash));
                    fields.insert("block_time".to_owned(), json!(row.header.time));
                    events.push(fields);
                }
            }
            events.push(event.fields);
        }
        let mut answer = json!({ "events": events, "next": next });
        if missed {
            answer["missed"] = json!(true);
        }
        Ok(answer)
    })
}

fn facts_when(holds: impl Fn(&View) -> bool + Send + 'static, time: Time) -> Continuation {
    until(holds, facts, time)
}

/// Waits until a condition holds or the time is up, and answers with the facts at that moment.
fn until(holds: impl Fn(&View) -> bool + Send + 'static, show: fn(&View, bool) -> Value, time: Time) -> Continuation {
    Continuation::Wait(Wait {
        until: time,
        brief: false,
        ready: Box::new(move |view| holds(view).then(|| Continuation::value(&show(view, true)))),
        late: Box::new(move |view| Continuation::value(&show(view, false))),
    })
}

fn facts(view: &View, ok: bool) -> Value {
    let status = &view.status;
    json!({
        "ok": ok,
        "state": status.state.name(),
        "reason": status.reason,
        "height": status.tip.as_ref().map(|tip| tip.height),
        "tip": status.tip.as_ref().map(|tip| tip.hash),
        "headers": status.headers,
        "peers": { "inbound": status.inbound, "outbound": status.outbound },
    })
}

fn tip_facts(view: &View, _: bool) -> Value {
    json!({
        "hash": view.status.tip.as_ref().map(|tip| tip.hash),
        "height": view.status.tip.as_ref().map(|tip| tip.height),
    })
}

fn height_of(view: &View) -> Option<u64> {
    view.status.tip.as_ref().map(|tip| u64::from(tip.height))
}

fn deadline(context: &Context, timeout: Duration) -> Time {
    context.now() + timeout.min(RPC_WAIT_MAX)
}

fn core_timeout(args: &Args) -> Duration {
    match args.integer("timeout") {
        None | Some(0) => Duration::MAX,
        Some(milliseconds) => Duration::from_millis(milliseconds),
    }
}

/// A wait for a transaction.
struct Transaction {
    context: Shared,
    id: Hash,
    confirmations: u64,
    /// Whether its block must be final.
    is_final: bool,
    until: Time,
}

/// Looks for the transaction in the mempool and the chain. Without enough confirmations, waits for a change and looks
/// again.
fn probe(wanted: Transaction) -> Continuation {
    // Read before the look, so that a change during it is noticed.
    let before = wanted.context.view();
    let id = wanted.id;
    Continuation::ask(LedgerCommand::PoolEntry(id), move |reply| {
        let mut displaced = None;
        let waiting = match reply {
            Reply::PoolEntry(_) => true,
            Reply::Displaced(transaction, by) => {
                displaced = Some((transaction, by));
                false
            }
            Reply::NotFound(_) => false,
            other => return Err(unexpected(other)),
        };
        Ok(Continuation::query_then(move |databases| {
            let tip = databases.tip()?;
            // A mempool transaction is in no block, and searching the newest blocks takes longer than relaying it.
            let confirmed = if waiting { None } else { databases.find_transaction(&id)? };
            let mut found = Map::new();
            found.insert("id".to_owned(), json!(id));
            let height = confirmed.as_ref().map(|confirmed| confirmed.row.header.height);
            // `None` on chains of proof of work.
            let is_final = sealing::is_final(&before.status, height.unwrap_or(u32::MAX));
            let is_certain = is_final == Some(true);
            let is_doubtful = before.has_wrong_clock() && !is_certain;
            let depth = |height| if is_doubtful { 0 } else { render::confirmations(&tip, height) };
            let confirmations = height.map_or(0, depth);
            // Searching blocks takes time, and without a reorganisation nothing was undone.
            let was_reorganised = before.status.last_reorganisation.is_some();
            let undone = match (height, waiting) {
                (None, false) if was_reorganised => undone::find(databases, |txid| *txid == id)?,
                _ => None,
            };
            let rival = match (height, &undone, &displaced) {
                (None, Some(undone), _) => undone.conflicts_with,
                (None, None, Some((transaction, by))) => undone::displaced_by(databases, transaction, *by)?,
                _ => None,
            };
            let status = match (height, waiting, undone.is_some() || displaced.is_some()) {
                (Some(_), ..) if !is_doubtful => "confirmed",
                (None, true, _) => "mempool",
                (None, false, true) => undone::status(rival),
                _ => "unknown",
            };
            found.insert("status".to_owned(), json!(status));
            found.insert("block".to_owned(), json!(confirmed.map(|confirmed| confirmed.row.hash)));
            found.insert("tx_height".to_owned(), json!(height));
            found.insert("confirmations".to_owned(), json!(confirmations));
            let known = height.is_some() || waiting;
            if let Some(is_final) = is_final {
                found.insert("final".to_owned(), json!(is_final));
            }
            let ok = known && u64::from(confirmations) >= wanted.confirmations && (is_certain || !wanted.is_final);
            if let Some(rival) = rival {
                // Nobody needs to wait for it: another payment took its place.
                found.insert("conflicts_with".to_owned(), json!(rival));
                let by = displaced.as_ref().and_then(|(_, by)| *by);
                found.insert("replaced".to_owned(), json!(by == Some(rival)));
                return Ok(answer(&wanted.context.view(), found, false));
            }
            Ok(if ok { answer(&wanted.context.view(), found, true) } else { look_again(wanted, before, found) })
        }))
    })
}

fn look_again(wanted: Transaction, before: View, found: Map<String, Value>) -> Continuation {
    let until = wanted.until;
    let for_final = wanted.is_final;
    let last_final = |view: &View| view.status.sealing.as_ref().map(|sealing| sealing.last_final.hash);
    let mut wanted = Some(wanted);
    Continuation::Wait(Wait {
        until,
        brief: false,
        ready: Box::new(move |view| {
            let tip = |view: &View| view.status.tip.as_ref().map(|tip| tip.hash);
            let moved = tip(view) != tip(&before) || view.indexed != before.indexed;
            let pool = view.status.mempool_sequence != before.status.mempool_sequence;
            let for_pool = wanted.as_ref().is_some_and(|wanted| wanted.confirmations == 0);
            let is_more_final = for_final && last_final(view) != last_final(&before);
            let judged = view.has_wrong_clock() != before.has_wrong_clock();
            let replaced = view.status.replacements != before.status.replacements;
            if moved || judged || replaced || is_more_final || pool && for_pool {
                wanted.take().map(probe)
            } else {
                None
            }
        }),
        late: Box::new(move |view| answer(view, found, false)),
    })
}

fn answer(view: &View, found: Map<String, Value>, ok: bool) -> Continuation {
    let mut fields = object(facts(view, ok));
    fields.extend(found);
    Continuation::value(&fields)
}
