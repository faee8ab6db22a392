//! `watch`: what happened to addresses and transactions after a position that the caller keeps.

use std::{sync::Arc, time::Duration};

use crate::{
    base::time::Time,
    node::command::{LedgerCommand, Reply},
    rpc::{
        answers,
        context::View,
        continuation::{Continuation, Shared, Wait, unexpected},
        error::{self, RpcError},
        methods::method::Method,
        params::Args,
        schema::{Schema, optional},
        watch::{
            Filter,
            cursor::Cursor,
            tell::{self, Depths},
        },
    },
};

/// How long a call waits by default.
const DEFAULT: Duration = Duration::from_secs(60);
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

pub(super) const METHODS: &[Method] = &[Method {
    name: "watch",
    params: &[
        optional("addresses", Schema::Array(&Schema::Address), "whose payments; in and out"),
        optional("transactions", Schema::Array(&Schema::Hash), "ids of further transactions"),
        optional("cursor", Schema::Text, "the \"cursor\" of the answer or event before; from now on if left out"),
        optional("timeout", Schema::Number, "seconds; 60 if left out, 0: what there is now"),
        optional("confirmations", Schema::Integer, "how many make a payment confirmed; 1 if left out"),
        optional("final", Schema::Integer, "how many make it final, on chains without final blocks; left out: none"),
        optional("above", Schema::Integer, "without cursor: begin with the blocks above this height, instead of now"),
    ],
    summary: "what happened to addresses and transactions after an earlier answer; waits for something to happen if \
              nothing did",
    returns: "an object: events (each with event: seen, confirmed, final, undone, replaced or dropped; id, amounts, and \
              cursor), cursor, and more",
    result: answers::watch::EVENTS,
    errors: &[error::NOT_FOUND],
    handler: watch,
}];

/// A call that waits.
struct Watching {
    context: Shared,
    filter: Arc<Filter>,
    depths: Depths,
    above: Option<u32>,
    /// Where the caller is; `None`: it begins.
    cursor: Option<Cursor>,
    until: Time,
    /// Whether the index was asked to take in the latest blocks.
    is_indexed: bool,
}

fn watch(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    let cursor = args.text("cursor").filter(|text| !text.is_empty());
    let cursor = cursor.map(|text| {
        text.parse().map_err(|()| RpcError::bad_parameter("\"cursor\" is what an earlier answer or event gave as that"))
    });
    let heights = 0..=u64::from(u32::MAX);
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let depths = Depths {
        confirmed: small(args.integer_in("confirmations", 1..=u64::from(u32::MAX), 1)?),
        last_final: match args.integer("final") {
            Some(_) => Some(small(args.integer_in("final", 1..=u64::from(u32::MAX), 1)?)),
            None => None,
        },
    };
    let above = match args.integer("above") {
        Some(_) => Some(small(args.integer_in("above", heights, 0)?)),
        None => None,
    };
    let timeout =
        args.number("timeout").map_or(DEFAULT, |time| Duration::try_from_secs_f64(time).unwrap_or(Duration::MAX));
    Ok(look(Watching {
        context: context.clone(),
        filter: Arc::new(Filter::read(context, &args.texts("addresses"), &args.texts("transactions"))?),
        depths,
        above,
        cursor: cursor.transpose()?,
        until: context.now() + timeout.min(LONGEST),
        is_indexed: false,
    }))
}

/// Asks for the mempool if it has changed since anybody asked, and goes on.
fn look(watching: Watching) -> Continuation {
    // Read before the look, so that a change during it is noticed.
    let before = watching.context.view();
    let change = before.status.mempool_sequence;
    if watching.context.pool.is_noted(change) {
        return read(watching, before);
    }
    let asking = match Asking::begin(&watching.context) {
        Ok(asking) => asking,
        Err(until) => {
            let late = move |_: &View| look(watching);
            return Continuation::Wait(Wait { until, brief: true, ready: Box::new(|_| None), late: Box::new(late) });
        }
    };
    Continuation::ask(LedgerCommand::Mempool { limit: usize::MAX }, move |reply| {
        let Reply::Mempool(entries) = reply else { return Err(unexpected(reply)) };
        watching.context.pool.note(change, entries);
        drop(asking);
        Ok(read(watching, before))
    })
}

/// The question for the mempool that one caller asks for all. It ends with the call.
struct Asking {
    context: Shared,
    began: Time,
}

impl Asking {
    fn begin(context: &Shared) -> Result<Self, Time> {
        let began = context.now();
        context.pool.may_ask(began)?;
        Ok(Self { context: context.clone(), began })
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.context.pool.end_ask(self.began, self.context.now());
    }
}

/// Goes a step from the position, and answers if there is something to tell.
fn read(mut watching: Watching, before: View) -> Continuation {
    Continuation::query_then(move |databases| {
        let context = watching.context.clone();
        let cursor = match watching.cursor.take() {
            Some(cursor) => cursor,
            None => tell::begin(&context, databases, watching.above)?,
        };
        let pool = context.pool.after(cursor.pool);
        if !watching.is_indexed && tell::needs_index(databases, &cursor, &pool)? {
            let again = Watching { cursor: Some(cursor), is_indexed: true, ..watching };
            return Ok(read(again, before).once_indexed(&context));
        }
        let from = cursor.to_string();
        let news = (&before.status, pool.as_slice());
        let page = tell::step(&context, databases, &watching.filter, watching.depths, cursor, news)?;
        watching.is_indexed = false;
        let is_late = context.now() >= watching.until;
        // One call is one step, so that nobody's long way through the chain holds up others.
        if !page.events.is_empty() || page.more || is_late {
            return Ok(answer(&page.events, &from, &page.cursor, page.more));
        }
        watching.cursor = Some(page.cursor);
        Ok(wait(watching, before))
    })
}

/// Waits for a change, and looks again.
fn wait(watching: Watching, before: View) -> Continuation {
    let late = watching.cursor.clone();
    let until = watching.until;
    let mut watching = Some(watching);
    Continuation::Wait(Wait {
        until,
        brief: false,
        ready: Box::new(move |view| {
            let tip = |view: &View| view.status.tip.as_ref().map(|tip| tip.hash);
            let last_final = |view: &View| view.status.sealing.as_ref().map(|sealing| sealing.last_final.height);
            let moved = tip(view) != tip(&before)
                || last_final(view) != last_final(&before)
                || view.status.mempool_sequence != before.status.mempool_sequence
                || view.has_wrong_clock() != before.has_wrong_clock();
            if moved { watching.take().map(look) } else { None }
        }),
        late: Box::new(move |_| match late {
            Some(cursor) => answer(&[], &cursor.to_string(), &cursor, false),
            None => Continuation::fail(RpcError::internal("a watch waited without a position")),
        }),
    })
}

/// The answer. Positions have no character that JSON would escape.
fn answer(events: &[String], from: &str, cursor: &Cursor, more: bool) -> Continuation {
    let events = events.join(",");
    let text = format!("{{\"events\":[{events}],\"from\":\"{from}\",\"cursor\":\"{cursor}\",\"more\":{more}}}");
    Continuation::Done(Ok(text))
}
