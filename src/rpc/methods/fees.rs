//! The mempool by fee rate: how long a payment waits for which fee.

use serde_json::{Value, json};

use crate::{
    base::limits,
    node::command::{LedgerCommand, PoolEntry, Reply},
    rpc::{
        answers,
        context::Context,
        continuation::{Continuation, Shared, unexpected},
        methods::{mempool, method::Method},
        render,
    },
};

pub(super) const METHODS: &[Method] = &[Method {
    name: "mempoolfees",
    params: &[],
    summary: "the mempool by fee rate, with the time after which a payment of that rate is expected in a block",
    returns: "an object with bands, the highest fee rates first",
    result: answers::mempool::FEE_BANDS,
    errors: &[],
    handler: |context, _| Ok(bands(context)),
}];

/// Transactions with similar fee rates.
#[derive(Debug, Default, PartialEq)]
struct Band {
    /// The least fee rate that belongs to it.
    from: u64,
    count: usize,
    bytes: usize,
}

fn bands(context: &Shared) -> Continuation {
    let context = context.clone();
    Continuation::ask(LedgerCommand::Mempool { limit: usize::MAX }, move |reply| {
        let Reply::Mempool(entries) = reply else { return Err(unexpected(reply)) };
        // Looking through a full mempool would hold up the server's loop.
        Ok(Continuation::query(move |_| Ok(show(&context, &entries))))
    })
}

fn show(context: &Context, entries: &[PoolEntry]) -> Value {
    let bands = sorted(entries.iter().map(|entry| (entry.transaction.size, entry.fee)));
    let mut above = 0;
    let rows = bands.iter().map(|band| {
        above += band.bytes;
        let blocks = above.div_ceil(limits::MAX_BLOCK_BYTES);
        json!({
            "from": band.from,
            "below": above_of(band.from),
            "count": band.count,
            "bytes": band.bytes,
            "blocks": blocks,
            "wait_s": context.chain.parameters.block_time.saturating_mul(u32::try_from(blocks).unwrap_or(u32::MAX)),
        })
    });
    let rows: Vec<Value> = rows.collect();
    json!({
        "count": entries.len(),
        "bytes": above,
        "block_bytes": limits::MAX_BLOCK_BYTES,
        "min_fee_rate": context.chain.min_fee_rate,
        "next_block": mempool::estimated_rate(context, entries, 1),
        "bands": rows,
    })
}

/// The bands with transactions, the highest first, of sizes and fees in any order.
fn sorted(entries: impl Iterator<Item = (usize, u64)>) -> Vec<Band> {
    let mut bands: Vec<Band> = Vec::new();
    for (size, fee) in entries {
        let from = least_of(render::fee_rate(fee, size));
        let at = bands.partition_point(|band| band.from > from);
        if bands.get(at).is_none_or(|band| band.from != from) {
            bands.insert(at, Band { from, ..Band::default() });
        }
        bands[at].count += 1;
        bands[at].bytes += size;
    }
    bands
}

/// The least fee rate of the band of a rate: bands begin at 0, 1, 2, 5, 10, 20, 50 and so on.
fn least_of(rate: u64) -> u64 {
    let ten = rate.checked_ilog10().map_or(0, |digits| 10u64.pow(digits));
    [5, 2, 1].into_iter().filter_map(|step| ten.checked_mul(step)).find(|from| *from <= rate).unwrap_or(0)
}

/// Where the next band begins; `None`: above the largest number.
fn above_of(from: u64) -> Option<u64> {
    let ten = 10u64.pow(from.checked_ilog10().unwrap_or(0));
    match from.checked_div(ten)? {
        0 => Some(1),
        1 => ten.checked_mul(2),
        2 => ten.checked_mul(5),
        _ => ten.checked_mul(10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rate_has_one_band() {
        let rates = [0, 1, 2, 4, 5, 9, 10, 19, 20, 999, 1000, u64::MAX];
        let bands: Vec<_> = rates.iter().map(|rate| (least_of(*rate), above_of(least_of(*rate)))).collect();
        for (rate, (from, below)) in rates.iter().zip(&bands) {
            assert!(from <= rate && below.is_none_or(|below| *rate < below), "{rate}: {from} to {below:?}");
        }
        assert_eq!(bands[9], (500, Some(1000)));
        assert_eq!(bands[11], (10_000_000_000_000_000_000, None));
    }

    #[test]
    fn the_highest_rates_come_first_and_count_as_those_of_their_band() {
        let bands = sorted([(100, 100), (300, 600), (100, 1), (1000, 1500)].into_iter());
        let shown: Vec<_> = bands.iter().map(|band| (band.from, band.count, band.bytes)).collect();
        assert_eq!(shown, [(2000, 1, 300), (1000, 2, 1100), (10, 1, 100)]);
    }
}
