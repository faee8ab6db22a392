//! Receipts: what shows to others that a transaction is in the chain. [`crate::chain::receipt`] says what is in one.

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    base::{
        codec,
        hash::{Hash, hex, unhex},
    },
    chain::{header::Header, receipt::Receipt, seal::Certificate},
    rpc::{
        answers,
        context::Context,
        continuation::{Continuation, Shared},
        databases::Databases,
        error::{self, REJECTED, RpcError, UNDECODABLE},
        methods::{method::Method, transactions},
        params::Args,
        schema::{ID, Schema, optional, required},
    },
};

/// Headers in one answer.
const MAX_HEADERS: usize = 500;
/// On chains of proof of work, headers above a block that its receipts hold at most.
const HEADERS_ABOVE: u32 = 100;
/// Bytes of a proof's hex; receipts without headers are far shorter.
const MAX_PROOF_HEX: usize = 256 * 1024;

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "prove",
        params: &[
            required("id", Schema::Text, "transaction id or a unique prefix of at least 6 digits"),
            optional("output", Schema::Integer, "position of the output that the receipt is to be about"),
        ],
        summary: "a receipt: shows that a transaction is in the chain, and on sealed chains final",
        returns: "an object: receipt; next and missing say which headers it still lacks",
        result: answers::receipts::PROOF,
        errors: &[error::NOT_FOUND, error::REJECTED],
        handler: prove,
    },
    Method {
        name: "headers",
        params: &[
            required("from", Schema::Integer, "height of the first"),
            optional("count", Schema::Integer, "how many, at most 500"),
        ],
        summary: "encoded headers of the best chain, upwards",
        returns: "an array of hex; fewer at the tip",
        result: Schema::Array(&Schema::Hex),
        errors: &[],
        handler: |_, args| {
            let from = args.integer_in("from", 0..=u64::from(u32::MAX), 0)?;
            let count = args.integer_in("count", 1..=MAX_HEADERS as u64, MAX_HEADERS as u64)?;
            let (from, count) =
                (u32::try_from(from).unwrap_or(u32::MAX), usize::try_from(count).unwrap_or(MAX_HEADERS));
            Ok(Continuation::query(move |databases| Ok(texts(&databases.headers_up(from, count)?))))
        },
    },
    Method {
        name: "gettxoutproof",
        params: &[
            required("txids", Schema::Array(&Schema::Hash), "one transaction id"),
            optional("blockhash", ID, "its block, hash or height; need not be named"),
        ],
        summary: "shows that a transaction is in a block; see prove",
        returns: "hex for verifytxoutproof: a receipt's JSON, without what stands above the block",
        result: Schema::Hex,
        errors: &[error::NOT_FOUND, error::REJECTED],
        handler: output_proof,
    },
    Method {
        name: "verifytxoutproof",
        params: &[required("proof", Schema::Hex, "what gettxoutproof returned")],
        summary: "whether a proof's block is in the best chain",
        returns: "an array with the transaction's id",
        result: Schema::Array(&Schema::Hash),
        errors: &[error::NOT_FOUND, error::UNDECODABLE],
        handler: verify_output_proof,
    },
];

/// A receipt as [`prove`] answers it.
#[derive(Serialize)]
struct Proof {
    receipt: Receipt,
    txid: Hash,
    height: u32,
    next: u32,
    missing: u32,
}

/// Of a transaction that is in no block of which this node knows: what would do.
fn absent(context: &Context, databases: &Databases, id: &str) -> RpcError {
    // Nothing is final on a chain of proof of work.
    let wait = if context.chain.seal_rules().needs_certificate() { "final" } else { "tx" };
    let (place, older) = match databases.indexed_from() {
        Some(from @ 1..) => (
            format!("not in block {from} or above, where this node's index begins"),
            "; for an older one ask a node that keeps the whole history",
        ),
        _ => ("no such transaction in the chain".to_owned(), ""),
    };
    RpcError::not_found(format!(
        "{place}: {id}; receipts are of blocks, and one that waits gets into one: tussock wait {wait} {id}{older}"
    ))
}

/// How far up a receipt goes, and what stands there.
struct Top {
    height: u32,
    certificate: Option<String>,
}

fn prove(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    let id = args.required_text("id")?.trim().to_ascii_lowercase();
    let output = args.integer("output").map(|index| u32::try_from(index).unwrap_or(u32::MAX));
    let (asked, context) = (context.clone(), context.clone());
    let query = Continuation::query(move |databases| proof(&context, databases, &id, output));
    Ok(query.once_indexed(&asked))
}

fn proof(context: &Context, databases: &mut Databases, id: &str, output: Option<u32>) -> Result<Proof, RpcError> {
    let tip = databases.tip()?.height;
    let (mut receipt, txid, header) = base(context, databases, id)?;
    let top = top(context, databases, header.height, tip)?;
    if let Some(output) = output {
        let outputs = receipt.check_inclusion(&context.chain).map_err(|fault| RpcError::internal(fault.to_string()))?;
        if !receipt.name_output(&context.chain, &outputs.0.transaction.outputs, output) {
            return Err(RpcError::bad_parameter("the transaction has no such output"));
        }
    }
    let wanted = top.height.saturating_sub(header.height);
    let headers = databases.headers_up(header.height.saturating_add(1), (wanted as usize).min(MAX_HEADERS))?;
    let linked = headers.first().is_none_or(|first| first.previous == header.hash());
    if !linked || headers.len() < (wanted as usize).min(MAX_HEADERS) {
        return Err(RpcError::new(REJECTED, "the chain was reorganised just now; ask again"));
    }
    let got = u32::try_from(headers.len()).unwrap_or(u32::MAX);
    (receipt.headers, receipt.certificate) = (texts(&headers), top.certificate);
    let next = header.height.saturating_add(got).saturating_add(1);
    Ok(Proof { receipt, txid, height: header.height, next, missing: wanted.saturating_sub(got) })
}

/// The receipt's part up to the block's header.
fn base(context: &Context, databases: &mut Databases, id: &str) -> Result<(Receipt, Hash, Header), RpcError> {
    context.need_coins()?;
    let missing = |databases: &mut Databases| absent(context, databases, id);
    let Some(confirmed) = transactions::in_chain(databases, id)? else { return Err(missing(databases)) };
    let receipt = Receipt::of(&context.chain, &confirmed.block, confirmed.position);
    let receipt = receipt.ok_or_else(|| missing(databases))?;
    Ok((receipt, confirmed.transaction().txid, confirmed.row.header))
}

/// On chains of proof of work the tip or some block below it. On sealed chains a final block: the last one of a set, which the
/// first of the next shows to be final, or the newest.
fn top(context: &Context, databases: &mut Databases, height: u32, tip: u32) -> Result<Top, RpcError> {
    if !context.chain.seal_rules().needs_certificate() {
        return Ok(Top { height: tip.min(height.saturating_add(HEADERS_ABOVE)), certificate: None });
    }
    let of = |height, certificate: &Certificate| Top { height, certificate: Some(hex(&codec::encode(certificate))) };
    let next_set = context.chain.authorities.terms().iter().skip(1).find(|term| height < term.from && term.from <= tip);
    if let Some(first) = next_set.map(|term| databases.at_height(term.from.into())).transpose()?
        && let Some(handover) = context.chain.seal_rules().handover(&context.chain, &first.header)
    {
        return Ok(of(first.header.height.saturating_sub(1), &handover));
    }
    let status = context.node.status();
    let sealing = status.sealing.as_ref();
    let finality = sealing.and_then(|sealing| Some((sealing.last_final, sealing.finality.clone()?)));
    match finality.filter(|(last, _)| (height..=tip).contains(&last.height)) {
        Some((last, certificate)) => Ok(of(last.height, &certificate)),
        None => Err(RpcError::new(REJECTED, "its block is not final yet; wait with: tussock wait final ID")),
    }
}

fn texts(headers: &[Header]) -> Vec<String> {
    headers.iter().map(|header| hex(&header.to_bytes())).collect()
}

fn output_proof(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    let txids = args.texts("txids");
    let &[txid] = txids.as_slice() else {
        return Err(RpcError::bad_parameter("\"txids\" holds one id: each transaction has a proof of its own"));
    };
    let (asked, context, id) = (context.clone(), context.clone(), txid.to_ascii_lowercase());
    let block = args.id("blockhash", "");
    let query = Continuation::query(move |databases| {
        let (receipt, _, header) = base(&context, databases, &id)?;
        if !block.is_empty() && databases.find_block(&block)?.hash != header.hash() {
            return Err(RpcError::not_found("the transaction is not in that block"));
        }
        let text = serde_json::to_string(&receipt).map_err(|error| RpcError::internal(error.to_string()))?;
        Ok(hex(text.as_bytes()))
    });
    Ok(query.once_indexed(&asked))
}

fn verify_output_proof(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    let text = args.required_text("proof")?.trim();
    let undecodable = |what: &str| RpcError::new(UNDECODABLE, format!("not a proof: {what}"));
    let bytes = if text.len() <= MAX_PROOF_HEX { unhex(text) } else { None };
    let bytes = bytes.ok_or_else(|| undecodable("hex of at most 256 KiB is needed"))?;
    let receipt: Receipt =
        serde_json::from_slice(&bytes).map_err(|_| undecodable("gettxoutproof writes another JSON"))?;
    // Nothing here checks what a receipt may say besides.
    if receipt.says_more() {
        return Err(undecodable("it says more than gettxoutproof writes; check it with: tussock check"));
    }
    let (transaction, header, hash) =
        receipt.check_inclusion(&context.chain).map_err(|fault| undecodable(&fault.to_string()))?;
    Ok(Continuation::query(move |databases| {
        let applied = databases.at_height(u64::from(header.height)).ok().map(|row| row.hash);
        if applied != Some(hash) {
            return Err(RpcError::not_found("its block is not in the best chain"));
        }
        Ok::<Value, RpcError>(json!([transaction.txid]))
    }))
}
