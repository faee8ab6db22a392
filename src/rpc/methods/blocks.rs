//! Blocks and branches.

use serde_json::{Value, json};

use crate::{
    base::hash::{Hash, hex},
    chain::archive::{BlockStatus, HeaderRow},
    rpc::{
        answers,
        context::Context,
        continuation::{Continuation, Shared},
        databases::Databases,
        error::{self, RpcError},
        methods::{method::Method, status},
        params::Args,
        render,
        schema::{ID, Schema, optional, required},
    },
};

/// Transactions of a block with verbosity 2.
const MAX_FULL_TRANSACTIONS: usize = 1000;
/// Transactions of a block in one page of a list by default.
const ENTRIES: u64 = 50;
/// Blocks from a branch's end down to one that was set aside, at most: a branch is longer only where somebody does so on purpose.
const MOST_ASIDE: usize = 10_000;
/// Blocks in one page of a list.
pub(in crate::rpc) const MAX_PAGE: u64 = 100;

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "block",
        params: &[optional("id", ID, "height, hash, unique prefix of at least 6 digits, or tip")],
        summary: "a block",
        returns: "an object; see tussock block --json",
        result: answers::blocks::BLOCK,
        errors: &[error::NOT_FOUND],
        handler: |context, args| {
            let (context, id) = (context.clone(), args.id("id", "tip"));
            Ok(Continuation::query(move |databases| block(&context, databases, &id)))
        },
    },
    Method {
        name: "blocktransactions",
        params: &[
            optional("id", ID, "height, hash, unique prefix of at least 6 digits, or tip"),
            optional("from", Schema::Integer, "the position of the first one; 0 if left out"),
            optional("limit", Schema::Integer, "how many; 50 if left out, 1000 at most"),
        ],
        summary: "the transactions of a block: who pays whom how much, with fees and memos",
        returns: "an object with transactions and next",
        result: answers::blocks::TRANSACTIONS,
        errors: &[error::NOT_FOUND],
        handler: |context, args| {
            let from = args.integer_in("from", 0..=u64::from(u32::MAX), 0)?;
            let limit = args.integer_in("limit", 1..=MAX_FULL_TRANSACTIONS as u64, ENTRIES)?;
            Ok(block_transactions(context, args.id("id", "tip"), from, limit))
        },
    },
    Method {
        name: "tips",
        params: &[],
        summary: "the ends of all branches",
        returns: "an array of objects with height, hash, branch_length, status and set_aside",
        result: answers::blocks::TIPS,
        errors: &[],
        handler: |context, _| Ok(list_tips(context)),
    },
    Method {
        name: "getchaintips",
        params: &[],
        summary: "the ends of all branches",
        returns: "an array of objects with height, hash, branchlen and status",
        result: answers::blocks::TIPS,
        errors: &[],
        handler: |context, _| Ok(list_tips(context)),
    },
    Method {
        name: "getblockcount",
        params: &[],
        summary: "the tip's height",
        returns: "a number",
        result: Schema::Integer,
        errors: &[],
        handler: |context, args| status::of_tip(context, args, |tip| tip.height),
    },
    Method {
        name: "getbestblockhash",
        params: &[],
        summary: "the tip's hash",
        returns: "a hash",
        result: Schema::Hash,
        errors: &[],
        handler: |context, args| status::of_tip(context, args, |tip| tip.hash),
    },
    Method {
        name: "getblockhash",
        params: &[required("height", Schema::Integer, "height")],
        summary: "the hash of the block at a height",
        returns: "a hash",
        result: Schema::Hash,
        errors: &[error::NOT_FOUND],
        handler: |_, args| {
            let height = args.integer_in("height", 0..=u64::from(u32::MAX), 0)?;
            Ok(Continuation::query(move |databases| Ok(databases.at_height(height)?.hash)))
        },
    },
    Method {
        name: "getblockheader",
        params: &[required("blockhash", ID, "hash or height"), optional("verbose", Schema::Boolean, "false: as hex")],
        summary: "a block's header",
        returns: "an object, or hex",
        result: answers::blocks::CORE_HEADER,
        errors: &[error::NOT_FOUND],
        handler: block_header,
    },
    Method {
        name: "getblock",
        params: &[
            required("blockhash", ID, "hash or height"),
            optional("verbosity", Schema::Integer, "0: hex, 1: ids of transactions, 2: transactions"),
        ],
        summary: "a block",
        returns: "an object, or hex",
        result: answers::blocks::CORE_BLOCK,
        errors: &[error::NOT_FOUND],
        handler: get_block,
    },
    Method {
        name: "getdifficulty",
        params: &[],
        summary: "the tip's difficulty: how many times harder its target is than the chain's easiest",
        returns: "a number",
        result: Schema::Number,
        errors: &[],
        handler: |context, _| {
            let context = context.clone();
            Ok(Continuation::query(move |databases| {
                let row = databases.find_block("tip")?;
                Ok(row.header.proof().map(|proof| render::difficulty(&context, proof.target)))
            }))
        },
    },
];

/// The contract's form of a block.
pub(in crate::rpc) fn block(context: &Context, databases: &mut Databases, id: &str) -> Result<Value, RpcError> {
    let row = databases.find_block(id)?;
    let (tip, next) = (databases.tip()?, next_of(databases, &row)?);
    let body = databases.block(&row.hash)?;
    let mut fields = render::block(context, &row, body.as_ref(), &tip, next);
    add_replacement(&mut fields, databases, &row)?;
    Ok(Value::Object(fields))
}

/// Adds to a block outside the best chain which block is in its place there.
fn add_replacement(
    fields: &mut serde_json::Map<String, Value>,
    databases: &mut Databases,
    row: &HeaderRow,
) -> Result<(), RpcError> {
    if row.status != BlockStatus::Applied {
        let winner = databases.hash_at(row.header.height)?;
        fields.insert("replaced_by".to_owned(), json!(winner));
    }
    Ok(())
}

/// A page of a block's transactions.
fn block_transactions(context: &Shared, id: String, from: u64, limit: u64) -> Continuation {
    let context = context.clone();
    Continuation::query(move |databases| {
        let row = databases.find_block(&id)?;
        let Some(body) = databases.block(&row.hash)? else {
            databases.require_kept(&row)?;
            return Err(RpcError::not_found("this node has only the header of this block"));
        };
        let at = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let entries = body.transactions.iter().enumerate().skip(at(from)).take(at(limit));
        let entries: Vec<Value> = entries.map(|(at, one)| render::block_entry(&context, one, at)).collect();
        let end = from.saturating_add(entries.len() as u64);
        Ok(json!({
            "hash": row.hash,
            "height": row.header.height,
            "count": body.transactions.len(),
            "next": (end < body.transactions.len() as u64).then_some(end),
            "transactions": entries,
        }))
    })
}

/// A page of the best chain, highest block first: header fields, size, number of transactions and miner.
pub(in crate::rpc) fn page(
    context: &Context,
    databases: &mut Databases,
    below: u64,
    count: u64,
) -> Result<Value, RpcError> {
    let tip = databases.tip()?;
    let Some(from) = below.min(u64::from(tip.height) + 1).checked_sub(1) else { return Ok(json!([])) };
    let from = u32::try_from(from).unwrap_or(tip.height);
    let mut rows = Vec::new();
    for row in databases.headers_down(from, usize::try_from(count.min(MAX_PAGE)).unwrap_or(0))? {
        let summary = databases.block_summary(&row.hash)?;
        let mut fields = render::header(context, &row, &tip, None);
        fields.insert("size".to_owned(), json!(summary.as_ref().map(|summary| summary.size)));
        fields.insert("transactions".to_owned(), json!(summary.as_ref().map(|summary| summary.transactions)));
        let miner = summary.and_then(|summary| summary.miner);
        fields.insert("miner".to_owned(), json!(miner.map(|address| context.text(&address))));
        fields.remove("next");
        rows.push(Value::Object(fields));
    }
    Ok(Value::Array(rows))
}

/// The ends of all branches, the best chain's first.
pub(in crate::rpc) fn list_tips(context: &Shared) -> Continuation {
    let context = context.clone();
    Continuation::query(move |databases| tips(&context, databases))
}

fn tips(context: &Context, databases: &mut Databases) -> Result<Value, RpcError> {
    let branches = databases.branch_tips()?;
    let rows = branches.into_iter().map(|branch| {
        let row = &branch.row;
        let status = match render::status_here(context, row) {
            BlockStatus::Applied => "active",
            BlockStatus::Stored => "valid-fork",
            BlockStatus::Header => "headers-only",
            BlockStatus::Invalid => "invalid",
        };
        let length = branch.branch_length;
        let is_aside = is_aside(context, databases, row)?;
        Ok(json!({
            "height": row.header.height, "hash": row.hash, "branch_length": length, "branchlen": length,
            "status": status, "set_aside": is_aside, "work": row.work.to_string(),
        }))
    });
    rows.collect()
}

/// Whether an invalid block breaks no rule: an operator of a test chain has set it aside, or one below it.
fn is_aside(context: &Context, databases: &mut Databases, row: &HeaderRow) -> Result<bool, RpcError> {
    let mut next = Some(row.clone()).filter(|row| row.status == BlockStatus::Invalid && context.chain.test);
    for _ in 0..MOST_ASIDE {
        let Some(row) = next else { break };
        if context.test_chain.is_aside(&row.hash) {
            return Ok(true);
        }
        let below = databases.header(&row.header.previous)?;
        next = below.filter(|row| row.status == BlockStatus::Invalid);
    }
    Ok(false)
}

fn next_of(databases: &mut Databases, row: &HeaderRow) -> Result<Option<Hash>, RpcError> {
    match row.status {
        BlockStatus::Applied => databases.hash_at(row.header.height.saturating_add(1)),
        _ => Ok(None),
    }
}

fn block_header(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    let (context, id, verbose) = (context.clone(), args.id("blockhash", ""), args.boolean("verbose", true));
    Ok(Continuation::query(move |databases| {
        let row = databases.find_block(&id)?;
        if !verbose {
            return Ok(Value::String(hex(&row.header.to_bytes())));
        }
        let (tip, next) = (databases.tip()?, next_of(databases, &row)?);
        let mut fields = render::header(&context, &row, &tip, next);
        add_core_names(&mut fields, &row);
        Ok(Value::Object(fields))
    }))
}

fn get_block(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    let (context, id) = (context.clone(), args.id("blockhash", ""));
    let verbosity = args.integer_in("verbosity", 0..=2, 1)?;
    Ok(Continuation::query(move |databases| {
        let row = databases.find_block(&id)?;
        let (tip, next) = (databases.tip()?, next_of(databases, &row)?);
        let Some(body) = databases.block(&row.hash)? else {
            databases.require_kept(&row)?;
            return Err(RpcError::not_found("this node has only the header of this block"));
        };
        if verbosity == 0 {
            return Ok(Value::String(hex(&body.bytes)));
        }
        let mut fields = render::block(&context, &row, Some(&body), &tip, next);
        add_replacement(&mut fields, databases, &row)?;
        add_core_names(&mut fields, &row);
        if verbosity == 2 {
            if body.transactions.len() > MAX_FULL_TRANSACTIONS {
                return Err(RpcError::bad_parameter("too many transactions for verbosity 2; use getrawtransaction"));
            }
            let place = |position| render::Place::Block {
                hash: row.hash,
                height: row.header.height,
                time: row.header.time,
                position,
                confirmations: render::confirmations(&tip, row.header.height),
                doubt: context.doubt(),
            };
            let transactions = body.transactions.iter().enumerate();
            let transactions = transactions.map(|(at, one)| render::transaction(&context, one, &place(at)));
            fields.insert("tx".to_owned(), transactions.collect());
        } else if let Some(ids) = fields.get("txs").cloned() {
            fields.insert("tx".to_owned(), ids);
        }
        Ok(Value::Object(fields))
    }))
}

/// Adds Bitcoin Core's names of these fields.
fn add_core_names(fields: &mut serde_json::Map<String, Value>, row: &HeaderRow) {
    for (ours, theirs) in [
        ("previous", "previousblockhash"),
        ("next", "nextblockhash"),
        ("merkle_root", "merkleroot"),
        ("target", "bits"),
        ("work", "chainwork"),
        ("transactions", "nTx"),
    ] {
        if let Some(value) = fields.get(ours).filter(|value| !value.is_null()).cloned() {
            fields.insert(theirs.to_owned(), value);
        }
    }
    if row.status != BlockStatus::Applied {
        fields.insert("confirmations".to_owned(), json!(-1));
    }
}
