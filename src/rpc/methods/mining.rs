//! Mining.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    base::{
        hash::{hex, unhex},
        limits,
    },
    chain::{block::HashedBlock, key::SecretKey},
    node::{
        Template,
        command::{FetchCommand, LedgerCommand, MinerCommand, Reply},
    },
    rpc::{
        answers,
        context::Context,
        continuation::{Continuation, Shared, unexpected},
        error::{self, REJECTED, RpcError, UNDECODABLE},
        methods::method::Method,
        params::Args,
        render,
        schema::{Schema, optional, required},
    },
};

/// How long `mine` may take.
const RPC_MINE: Duration = Duration::from_secs(600);

/// Blocks in one call.
const MAX_BLOCKS: u64 = 10_000;

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "mine",
        params: &[
            required("blocks", Schema::Integer, "how many, 1 to 10000"),
            optional("address", Schema::Address, "the address to pay; the configured one if left out"),
        ],
        summary: "test chains: makes blocks now",
        returns: "their hashes",
        result: Schema::Array(&Schema::Hash),
        errors: &[error::REJECTED],
        handler: mine,
    },
    Method {
        name: "generatetoaddress",
        params: &[
            required("nblocks", Schema::Integer, "how many, 1 to 10000"),
            required("address", Schema::Address, "the address to pay"),
        ],
        summary: "test chains: makes blocks now",
        returns: "their hashes",
        result: Schema::Array(&Schema::Hash),
        errors: &[error::REJECTED],
        handler: mine,
    },
    Method {
        name: "getmininginfo",
        params: &[],
        summary: "the miner, and what it works on",
        returns: "an object",
        result: answers::mining::INFO,
        errors: &[],
        handler: mining_info,
    },
    Method {
        name: "getblocktemplate",
        params: &[optional(
            "address",
            Schema::Text,
            "the address to pay; on test chains the first known account if left out",
        )],
        summary: "a block without its nonce",
        returns: "an object; header and body in hex, to be put together with the nonce in the header's last 8 bytes",
        result: answers::mining::TEMPLATE,
        errors: &[error::REJECTED],
        handler: template,
    },
    Method {
        name: "submitblock",
        params: &[required("hexdata", Schema::Hex, "the block's encoding in hex")],
        summary: "verifies a block, applies it and relays it",
        returns: "null",
        result: Schema::Null,
        errors: &[error::REJECTED, error::UNDECODABLE],
        handler: submit,
    },
];

fn mine(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    refuse_if_sealed(context)?;
    if !context.chain.test {
        return Err(RpcError::new(REJECTED, "blocks are made on demand only on test chains, such as local and dev"));
    }
    refuse_if_held(context)?;
    let name = if args.integer("nblocks").is_some() { "nblocks" } else { "blocks" };
    let blocks = args.integer_in(name, 1..=MAX_BLOCKS, 1)?;
    let blocks = u32::try_from(blocks).unwrap_or(1);
    let address = args.text("address").map(|text| context.address(text)).transpose()?;
    let step = Continuation::ask(MinerCommand::Mine { blocks, address }, |reply| match reply {
        Reply::Mined(hashes) => Ok(Continuation::value(&hashes)),
        other => Err(unexpected(other)),
    });
    Ok(step.within(RPC_MINE))
}

/// Refuses to make blocks that others make.
fn refuse_if_sealed(context: &Context) -> Result<(), RpcError> {
    match context.chain.authorities.at(1) {
        Some(_) => Err(RpcError::new(REJECTED, "the blocks of this chain are sealed by its authorities; nobody mines")),
        None => Ok(()),
    }
}

/// Refuses to make blocks that would be of no use.
pub(super) fn refuse_if_held(context: &Context) -> Result<(), RpcError> {
    context.need_coins()?;
    match context.node.status().hindrances.no_mining() {
        Some(hindrance) => Err(RpcError::new(REJECTED, format!("no block can be made: {}", hindrance.line()))),
        None => Ok(()),
    }
}

fn mining_info(context: &Shared, _: &Args) -> Result<Continuation, RpcError> {
    let context = context.clone();
    Ok(Continuation::query(move |databases| {
        let status = context.node.status();
        let row = databases.find_block("tip")?;
        let target = row.header.proof().map(|proof| proof.target);
        Ok(json!({
            "blocks": row.header.height,
            "chain": context.chain.name,
            "mining": status.mining,
            "hashespersec": status.hashes_per_second,
            "difficulty": target.map(|target| render::difficulty(&context, target)),
            "bits": target.map(|target| format!("{:08x}", target.0)),
            "pooledtx": status.mempool_count,
            "warnings": status.all_warnings(),
        }))
    }))
}

fn template(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    refuse_if_sealed(context)?;
    let address = match args.text("address") {
        Some(text) => context.address(text)?,
        None if context.chain.test => SecretKey::well_known(0).address(),
        None => return Err(RpcError::invalid_params("\"address\" is missing: the address to pay")),
    };
    refuse_if_held(context)?;
    let context = context.clone();
    Ok(Continuation::ask(LedgerCommand::Template(address), move |reply| match reply {
        Reply::Template(template) => Ok(Continuation::value(&show(&context, &template))),
        other => Err(unexpected(other)),
    }))
}

fn show(context: &Context, template: &Template) -> Value {
    let header = &template.header;
    let bits = header.proof().map(|proof| proof.target);
    let target = bits.and_then(|bits| bits.expand()).map(|target| hex(&target.value().to_be_bytes::<32>()));
    json!({
        "height": header.height,
        "previousblockhash": header.previous,
        "version": header.version,
        "bits": bits.map(|bits| format!("{:08x}", bits.0)),
        "target": target,
        "curtime": header.time,
        "mintime": template.min_time,
        "merkle_root": header.merkle_root,
        "state_digest": header.state_digest,
        "coinbasevalue_subsidy": context.chain.subsidy(header.height),
        "transactions": template.transactions,
        "sizelimit": limits::MAX_BLOCK_BYTES,
        "header": hex(&header.to_bytes()),
        "body": hex(&template.body),
    })
}

fn submit(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    refuse_if_sealed(context)?;
    let undecodable = |text: String| RpcError::new(UNDECODABLE, text);
    let text = args.required_text("hexdata")?.trim();
    let bytes = unhex(text).ok_or_else(|| undecodable("not hex".to_owned()))?;
    if bytes.len() > limits::MAX_BLOCK_MESSAGE_BYTES {
        return Err(undecodable("larger than a block may be".to_owned()));
    }
    let bytes: crate::base::bytes::Bytes = bytes.into();
    context.need_coins()?;
    // Decoded only to tell a broken encoding from an invalid block.
    HashedBlock::decode(bytes.clone()).map_err(|error| undecodable(format!("not a block: {error}")))?;
    Ok(Continuation::ask(FetchCommand::SubmitBlock(bytes), |reply| match reply {
        Reply::Accepted(_) => Ok(Continuation::value(&Value::Null)),
        Reply::Refused(reason) => Err(RpcError::new(REJECTED, reason)),
        other => Err(unexpected(other)),
    }))
}
