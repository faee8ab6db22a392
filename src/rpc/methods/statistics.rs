//! Numbers about blocks.

use serde_json::{Map, Value, json};

use crate::{
    chain::{archive::HeaderRow, rules},
    rpc::{
        answers,
        context::Context,
        continuation::{Continuation, Shared},
        databases::Databases,
        error::{self, RpcError},
        json::object,
        methods::method::Method,
        params::Args,
        render,
        schema::{ID, Schema, optional, required},
    },
};

/// Blocks over which the hash rate is measured by default, as in Bitcoin Core.
const HASH_RATE_BLOCKS: u64 = 120;
/// The most blocks over which the hash rate is measured.
const MAX_HASH_RATE_BLOCKS: u64 = 100_000;

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "getblockstats",
        params: &[
            required("hash_or_height", ID, "hash or height"),
            optional("stats", Schema::Array(&Schema::Text), "only these numbers"),
        ],
        summary: "fees, sizes and sums of a block of the best chain",
        returns: "an object",
        result: answers::blocks::STATISTICS,
        errors: &[error::NOT_FOUND],
        handler: block_statistics,
    },
    Method {
        name: "getnetworkhashps",
        params: &[
            optional("nblocks", Schema::Integer, "over how many blocks; 120 if left out"),
            optional("height", Schema::Signed, "up to which height; the tip's if left out or negative"),
        ],
        summary: "the hashes a second that the network needed for the last blocks",
        returns: "a number",
        result: Schema::Number,
        errors: &[],
        handler: network_hash_rate,
    },
];

fn network_hash_rate(_: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    let blocks = args.integer_in("nblocks", 1..=MAX_HASH_RATE_BLOCKS, HASH_RATE_BLOCKS)?;
    let height = args.integer("height");
    Ok(Continuation::query(move |databases| {
        let tip = u64::from(databases.tip()?.height);
        let end = databases.at_height(height.unwrap_or(tip).min(tip))?;
        // Genesis may be older than its network, so the first interval says nothing.
        let lowest = u64::from(end.header.height).min(1);
        let start = databases.at_height(u64::from(end.header.height).saturating_sub(blocks).max(lowest))?;
        Ok(hash_rate(&start, &end))
    }))
}

fn hash_rate(start: &HeaderRow, end: &HeaderRow) -> f64 {
    let seconds = end.header.time.saturating_sub(start.header.time);
    let work = end.work.to_f64() - start.work.to_f64();
    // Times and work within double precision are exact enough for a rate.
    if seconds == 0 { 0.0 } else { work / seconds as f64 }
}

fn block_statistics(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    let (context, id) = (context.clone(), args.id("hash_or_height", ""));
    let only: Vec<String> = args.texts("stats").into_iter().map(str::to_owned).collect();
    Ok(Continuation::query(move |databases| {
        let mut all = statistics(&context, databases, &id)?;
        if let Some(unknown) = only.iter().find(|name| !all.contains_key(*name)) {
            let name: String = unknown.chars().take(40).collect();
            return Err(RpcError::bad_parameter(format!("no number \"{}\"", name.escape_default())));
        }
        if !only.is_empty() {
            all.retain(|name, _| only.contains(name));
        }
        Ok(Value::Object(all))
    }))
}

fn statistics(context: &Context, databases: &mut Databases, id: &str) -> Result<Map<String, Value>, RpcError> {
    let row = databases.find_block(id)?;
    let body = databases
        .block(&row.hash)?
        .ok_or_else(|| RpcError::not_found("this node has only the header of this block"))?;
    let (mut fees, mut rates, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
    let (mut ins, mut outs, mut total_out) = (0usize, 0usize, 0u64);
    for (at, hashed) in body.transactions.iter().enumerate() {
        let transaction = &hashed.transaction;
        outs += transaction.outputs.len();
        // As in Bitcoin Core, the coinbase counts for outputs only.
        if at == 0 {
            continue;
        }
        let fee = rules::fee(transaction).unwrap_or(0);
        ins += transaction.inputs.len();
        total_out = transaction.outputs.iter().fold(total_out, |sum, output| sum.saturating_add(output.amount));
        fees.push(fee);
        rates.push(render::fee_rate(fee, hashed.size));
        sizes.push(hashed.size as u64);
    }
    let (fees, rates, sizes) = (Spread::of(fees), Spread::of(rates), Spread::of(sizes));
    let fields = json!({
        "avgfee": fees.mean, "avgfeerate": rates.mean, "avgtxsize": sizes.mean,
        "blockhash": row.hash, "height": row.header.height, "time": row.header.time,
        "feerate_percentiles": rates.percentiles,
        "ins": ins, "outs": outs, "txs": body.transactions.len(),
        "minfee": fees.least, "maxfee": fees.most, "medianfee": fees.median,
        "minfeerate": rates.least, "maxfeerate": rates.most,
        "mintxsize": sizes.least, "maxtxsize": sizes.most, "mediantxsize": sizes.median,
        "subsidy": context.chain.subsidy(row.header.height),
        "total_out": total_out, "total_size": sizes.sum, "totalfee": fees.sum,
        "utxo_increase": i64::try_from(outs).unwrap_or(i64::MAX) - i64::try_from(ins).unwrap_or(i64::MAX),
    });
    Ok(object(fields))
}

/// How a list of numbers is spread; all 0 for an empty list.
#[derive(Default)]
struct Spread {
    least: u64,
    most: u64,
    mean: u64,
    median: u64,
    sum: u64,
    /// At 10, 25, 50, 75 and 90 percent.
    percentiles: [u64; 5],
}

impl Spread {
    fn of(mut numbers: Vec<u64>) -> Self {
        numbers.sort_unstable();
        let (Some(least), Some(most)) = (numbers.first(), numbers.last()) else { return Self::default() };
        let sum = numbers.iter().fold(0u64, |sum, number| sum.saturating_add(*number));
        let at = |percent: usize| numbers[(numbers.len() * percent / 100).min(numbers.len() - 1)];
        let mean = sum / numbers.len() as u64;
        let percentiles = [10, 25, 50, 75, 90].map(at);
        Self { least: *least, most: *most, mean, median: at(50), sum, percentiles }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_that_of_the_sorted_numbers() {
        let spread = Spread::of(vec![5, 1, 9, 3]);
        assert_eq!((spread.least, spread.most, spread.mean, spread.median, spread.sum), (1, 9, 4, 5, 18));
        assert_eq!(spread.percentiles, [1, 3, 5, 9, 9]);
        assert_eq!(Spread::of(Vec::new()).percentiles, [0; 5]);
    }
}
