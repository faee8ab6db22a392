//! What a text leads to: a block, a transaction, an address, and transactions whose memos have it.

use serde::Serialize;
use serde_json::{json, value::RawValue};

use crate::{
    chain::memo::MemoQuery,
    node::command::{LedgerCommand, PoolEntry, Reply},
    rpc::{
        answers,
        context::Context,
        continuation::{Continuation, Shared, unexpected},
        databases::{Cursor, Databases},
        error::{self, BAD_PARAMETER, NOT_FOUND, RpcError},
        methods::{method::Method, transactions},
        params::Args,
        render,
        rows::Rows,
        schema::{ID, Schema, optional, required},
    },
    store::index::FoundMemo,
};

/// Memos in one answer at most, and by default.
const MAX_MEMOS: u64 = 100;
const MEMOS: u64 = 25;
/// Bytes of either list, after which it ends.
const MAX_BYTES: usize = 128 * 1024;
/// Bytes of a text that is looked for; a memo of that length in hex fits.
const MAX_TEXT: usize = 1024;

pub(super) const METHODS: &[Method] = &[Method {
    name: "search",
    params: &[
        required("text", ID, "words of a memo, a whole memo as text or hex, a height, hash, id, prefix or address"),
        optional("exact", Schema::Boolean, "only memos that are the text as a whole"),
        optional("before", ID, "the \"next\" of the answer before this one, or a height"),
        optional("limit", Schema::Integer, "memos in the answer, at most 100, or about 128 KiB of them"),
    ],
    summary: "what a text is, and the transactions whose memos have all its words, the newest first",
    returns: "an object with kind and id, memos, pending and next",
    result: answers::transactions::FOUND,
    errors: &[error::REJECTED],
    handler: search,
}];

/// What is looked for.
struct Question {
    text: String,
    query: MemoQuery,
    before: Option<Cursor>,
    limit: usize,
}

/// What was found.
#[derive(Serialize)]
struct Answer {
    kind: Option<&'static str>,
    id: Option<String>,
    memos: Vec<Box<RawValue>>,
    pending: Vec<Box<RawValue>>,
    next: Option<String>,
    indexed: Option<u32>,
    indexed_from: u32,
    height: u32,
}

fn search(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    let text = args.id("text", "");
    if text.trim().is_empty() || text.len() > MAX_TEXT {
        return Err(RpcError::bad_parameter(format!(
            "\"text\" must have 1 to {MAX_TEXT} bytes, not all of them spaces"
        )));
    }
    let exact = args.boolean("exact", false);
    let query = if exact { MemoQuery::exactly(&text) } else { MemoQuery::of(&text) };
    let before = Cursor::parse(&args.id("before", ""))?;
    let limit = usize::try_from(args.integer_in("limit", 1..=MAX_MEMOS, MEMOS)?).unwrap_or(usize::MAX);
    let (context, question) = (context.clone(), Question { text, query, before, limit });
    Ok(Continuation::ask(LedgerCommand::Mempool { limit: usize::MAX }, move |reply| {
        let Reply::Mempool(entries) = reply else { return Err(unexpected(reply)) };
        let after = context.clone();
        Ok(Continuation::query(move |databases| answer(&context, databases, &question, &entries)).once_indexed(&after))
    }))
}

fn answer(
    context: &Context,
    databases: &mut Databases,
    question: &Question,
    entries: &[PoolEntry],
) -> Result<Answer, RpcError> {
    let named = what_is(context, databases, question.text.trim(), entries)?;
    let tip = databases.tip()?;
    let page = databases.memos(&question.query, question.before, question.limit)?;
    let row = |found: &FoundMemo| {
        let mut fields = render::memo_row(context, &found.transaction);
        fields.insert("height".into(), json!(found.height));
        fields.insert("position".into(), json!(found.position));
        fields.insert("time".into(), json!(found.time));
        fields.insert("confirmations".into(), json!(render::confirmations(&tip, found.height)));
        fields.insert("exact".into(), json!(found.exact));
        fields
    };
    let (mut memos, mut pending) = (Rows::up_to(MAX_BYTES), Rows::up_to(MAX_BYTES));
    let mut next = page.next;
    for found in &page.found {
        memos.push(row(found));
        if memos.is_full() && memos.len() < page.found.len() {
            next = Some((found.height, found.position));
            break;
        }
    }
    let is_new = |entry: &&PoolEntry| {
        let memo = &entry.transaction.transaction.memo;
        question.query.matches(memo) && page.found.iter().all(|found| found.transaction.txid != entry.transaction.txid)
    };
    if question.before.is_none() {
        for entry in entries.iter().filter(is_new).take(question.limit) {
            pending.push(render::memo_row(context, &entry.transaction));
            if pending.is_full() {
                break;
            }
        }
    }
    let state = context.indexed.get();
    let (kind, id) = named.unzip();
    Ok(Answer {
        kind,
        id,
        memos: memos.into_list(),
        pending: pending.into_list(),
        next: next.map(|(height, position)| Cursor { height, position }.to_text()),
        indexed: state.height,
        indexed_from: databases.memos_from()?.max(state.from),
        height: tip.height,
    })
}

/// The kind and the id of what a text names.
fn what_is(
    context: &Context,
    databases: &mut Databases,
    text: &str,
    entries: &[PoolEntry],
) -> Result<Option<(&'static str, String)>, RpcError> {
    if context.address(text).is_ok() {
        return Ok(Some(("address", text.to_owned())));
    }
    if let Some(row) = unless_nothing(databases.find_block(text))? {
        return Ok(Some(("block", row.hash.to_string())));
    }
    let id = text.to_ascii_lowercase();
    if let Some(entry) = unless_nothing(transactions::by_prefix(entries, &id))?.flatten() {
        return Ok(Some(("tx", entry.transaction.txid.to_string())));
    }
    let confirmed = unless_nothing(transactions::in_chain(databases, &id))?.flatten();
    Ok(confirmed.map(|confirmed| ("tx", confirmed.transaction().txid.to_string())))
}

/// `None` for what is no name, and for one of nothing or of several things.
fn unless_nothing<T>(found: Result<T, RpcError>) -> Result<Option<T>, RpcError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if [NOT_FOUND, BAD_PARAMETER].contains(&error.code) => Ok(None),
        Err(error) => Err(error),
    }
}
