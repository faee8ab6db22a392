//! Goes from a client's position to where it should be, and tells of the payments on the way.

use serde_json::{Map, Value, json};

use super::{
    cursor::{Cursor, Point},
    filter::Filter,
    pool::{Moved, PoolEvent},
};
use crate::{
    base::hash::Hash,
    chain::{
        archive::{BlockStatus, Tip},
        block::{HashedBlock, HashedTransaction},
        transaction::Transaction,
    },
    rpc::{context::Context, databases::Databases, error::RpcError, json::object, render, undone},
    runtime::status::Status,
};

/// Events in one answer.
const MAX_EVENTS: usize = 500;
/// Bytes of events after which an answer has no further one: it needs no credentials, and its client may read slowly.
const MAX_TOLD: usize = 64 * 1024;
/// Blocks that one step reads, and their bytes; other queries come in between two calls.
const MAX_BLOCKS: usize = 256;
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// From how many confirmations on something is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depths {
    /// As confirmed; at least 1.
    pub confirmed: u32,
    /// As final, on chains without final blocks; `None`: not at all.
    pub last_final: Option<u32>,
}

/// What a step has found.
pub struct Page {
    /// What to tell, each as JSON.
    pub events: Vec<String>,
    /// Where the client is then.
    pub cursor: Cursor,
    /// Whether there may be more to tell already.
    pub more: bool,
}

/// One of the two positions in the chain.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Confirmed,
    Final,
}

struct Teller<'a> {
    context: &'a Context,
    databases: &'a mut Databases,
    filter: &'a Filter,
    tip: Tip,
    cursor: Cursor,
    events: Vec<String>,
    /// Bytes of the events.
    told: usize,
    blocks: usize,
    bytes: usize,
}

/// Where a client begins that was told nothing: all above this height, or above the tip, is new to it. What waits is, too.
pub fn begin(context: &Context, databases: &mut Databases, above: Option<u32>) -> Result<Cursor, RpcError> {
    let point = match above {
        Some(height) => Point::whole(height, databases.at_height(height.into())?.hash),
        None => {
            let tip = databases.tip()?;
            Point::whole(tip.height, tip.hash)
        }
    };
    Ok(Cursor { confirmed: point, last_final: point, pool: context.pool.mark(0) })
}

/// Whether what is to be told depends on the index: which payment took another one's place.
pub fn needs_index(databases: &mut Databases, cursor: &Cursor, pool: &[PoolEvent]) -> Result<bool, RpcError> {
    let row = databases.header(&cursor.confirmed.hash)?;
    let is_off = row.is_some_and(|row| row.status != BlockStatus::Applied);
    Ok((is_off || pool.iter().any(|event| matches!(event.moved, Moved::Left(_)))) && databases.has_index())
}

/// Goes on from a position. `status` was read before `pool`.
pub fn step(
    context: &Context,
    databases: &mut Databases,
    filter: &Filter,
    depths: Depths,
    cursor: Cursor,
    (status, pool): (&Status, &[PoolEvent]),
) -> Result<Page, RpcError> {
    let tip = databases.tip()?;
    let doubtful = status.hindrances.wrong_clock().is_some();
    let sealed = status.sealing.as_ref().map(|sealing| sealing.last_final.height);
    let above = |depth: u32| tip.height.checked_sub(depth.saturating_sub(1));
    // With a wrong clock, only what authorities have sealed is what the network has confirmed.
    let by_depth = above(depths.confirmed).filter(|_| !doubtful);
    let last_final = sealed.or_else(|| depths.last_final.and_then(above).filter(|_| !doubtful));
    let confirmed = by_depth.max(sealed.filter(|height| doubtful && *height <= tip.height));
    let mut teller = Teller {
        context,
        databases,
        filter,
        tip,
        cursor,
        events: Vec::new(),
        told: 0,
        blocks: MAX_BLOCKS,
        bytes: MAX_BYTES,
    };
    let mut is_done = teller.retreat(Which::Confirmed)? && teller.retreat(Which::Final)?;
    is_done = is_done && teller.advance(Which::Confirmed, confirmed)?;
    let reached = teller.cursor.confirmed;
    // Nothing is final to a client before it is confirmed.
    let last_final = last_final.map(|height| height.min(reached.height));
    is_done = is_done && teller.advance(Which::Final, last_final)?;
    is_done = is_done && teller.tell_pool(pool)?;
    Ok(Page { events: teller.events, cursor: teller.cursor, more: !is_done })
}

impl Teller<'_> {
    /// Goes back until the position is on the best chain. Whether it got there.
    fn retreat(&mut self, which: Which) -> Result<bool, RpcError> {
        loop {
            let point = self.point(which);
            let row = self.databases.header(&point.hash)?.ok_or_else(|| unknown(&point))?;
            if row.header.height != point.height {
                return Err(damaged());
            }
            if row.status == BlockStatus::Applied {
                return Ok(true);
            }
            // That a payment is no longer final is told as its being undone.
            let mut has_budget = true;
            if which == Which::Confirmed {
                let block = match self.databases.block(&point.hash)? {
                    Some(block) => block,
                    None => return Err(forgotten(&point, self.databases.kept_from()?)),
                };
                for at in (0..told_of(&point, &block)?).rev() {
                    if self.is_full() {
                        return Ok(false);
                    }
                    self.set(which, Point { told: count_of(at), ..point });
                    self.tell_of_block("undone", &block, at);
                }
                has_budget = self.has_budget(&block);
            }
            self.set(which, Point::whole(point.height.saturating_sub(1), row.header.previous));
            if !has_budget {
                return Ok(false);
            }
        }
    }

    /// Goes forward on the best chain up to a height. Whether it got there.
    fn advance(&mut self, which: Which, to: Option<u32>) -> Result<bool, RpcError> {
        let Some(to) = to else { return Ok(true) };
        let word = if which == Which::Confirmed { "confirmed" } else { "final" };
        loop {
            let mut point = self.point(which);
            if point.told == Point::ALL {
                if point.height >= to {
                    return Ok(true);
                }
                // Otherwise the chain has moved on to another branch since it was looked at.
                let next = self.databases.at_height(u64::from(point.height) + 1);
                let Some(row) = next.ok().filter(|row| row.header.previous == point.hash) else { return Ok(false) };
                point = Point { height: row.header.height, hash: row.hash, told: 0 };
            }
            let Some(block) = self.databases.block(&point.hash)? else {
                return Err(forgotten(&point, self.databases.kept_from()?));
            };
            for at in told_of(&point, &block)?..block.transactions.len() {
                if self.is_full() {
                    return Ok(false);
                }
                let is_last = at + 1 == block.transactions.len();
                let told = if is_last { Point::ALL } else { count_of(at).saturating_add(1) };
                self.set(which, Point { told, ..point });
                self.tell_of_block(word, &block, at);
            }
            self.set(which, Point::whole(point.height, point.hash));
            if !self.has_budget(&block) {
                return Ok(false);
            }
        }
    }

    /// Tells of a transaction of a block, if it concerns the client. The position is already behind it.
    fn tell_of_block(&mut self, word: &str, block: &HashedBlock, at: usize) {
        let one = &block.transactions[at];
        let Some(facts) = self.filter.facts(self.context, one) else { return };
        let height = block.header.height;
        let mut fields = json!({ "block": block.hash, "height": height, "block_time": block.header.time });
        if word == "undone" {
            let rival =
                undone::displaced_by(self.databases, one, None).ok().flatten().filter(|rival| *rival != one.txid);
            fields["conflicts_with"] = json!(rival);
        } else {
            fields["confirmations"] = json!(render::confirmations(&self.tip, height));
        }
        self.push(word, facts, fields);
    }

    /// Tells what came into the mempool and left it.
    fn tell_pool(&mut self, pool: &[PoolEvent]) -> Result<bool, RpcError> {
        for event in pool {
            if self.is_full() {
                return Ok(false);
            }
            self.cursor.pool = self.context.pool.mark(event.number);
            let Some(facts) = self.filter.facts(self.context, &event.transaction) else { continue };
            match event.moved {
                // A block that came since the mempool was asked may have it, and that is told.
                Moved::Came(_) if self.databases.coin(&Transaction::outpoint(event.transaction.txid, 0))?.is_some() => {
                }
                Moved::Came(since) => self.push("seen", facts, json!({ "since": since })),
                Moved::Left(rival) => self.tell_left(&event.transaction, rival, facts)?,
            }
        }
        Ok(true)
    }

    /// Tells why a transaction left the mempool, unless a block has it: then that is told.
    fn tell_left(
        &mut self,
        one: &HashedTransaction,
        in_pool: Option<Hash>,
        facts: Map<String, Value>,
    ) -> Result<(), RpcError> {
        let first = Transaction::outpoint(one.txid, 0);
        if self.databases.coin(&first)?.is_some() || self.databases.find_transaction(&one.txid)?.is_some() {
            return Ok(());
        }
        let in_chain =
            undone::displaced_by(self.databases, one, None).ok().flatten().filter(|rival| *rival != one.txid);
        match in_chain.or(in_pool) {
            Some(rival) => self.push("replaced", facts, json!({ "conflicts_with": rival })),
            // Without an index, or while it is behind.
            None if self.is_spent(one)? => self.push("replaced", facts, json!({ "conflicts_with": null })),
            None => self.push("dropped", facts, json!({})),
        }
        Ok(())
    }

    /// Whether the chain has spent a coin of a transaction that no block has.
    fn is_spent(&mut self, one: &HashedTransaction) -> Result<bool, RpcError> {
        for input in &one.transaction.inputs {
            let is_there = self.databases.coin(&input.outpoint)?.is_some();
            if !is_there && self.databases.find_transaction(&input.outpoint.txid)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn push(&mut self, word: &str, facts: Map<String, Value>, more: Value) {
        let mut event = object(json!({ "event": word }));
        event.extend(facts);
        event.extend(object(more));
        event.insert("cursor".to_owned(), json!(self.cursor.to_string()));
        let text = Value::Object(event).to_string();
        self.told += text.len();
        self.events.push(text);
    }

    fn is_full(&self) -> bool {
        self.events.len() >= MAX_EVENTS || self.told >= MAX_TOLD
    }

    /// Counts a block that was read; whether another may be.
    fn has_budget(&mut self, block: &HashedBlock) -> bool {
        self.blocks = self.blocks.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(block.bytes.len());
        self.blocks > 0 && self.bytes > 0
    }

    fn point(&self, which: Which) -> Point {
        match which {
            Which::Confirmed => self.cursor.confirmed,
            Which::Final => self.cursor.last_final,
        }
    }

    fn set(&mut self, which: Which, point: Point) {
        match which {
            Which::Confirmed => self.cursor.confirmed = point,
            Which::Final => self.cursor.last_final = point,
        }
    }
}

/// How many transactions of a block are told.
fn told_of(point: &Point, block: &HashedBlock) -> Result<usize, RpcError> {
    let count = block.transactions.len();
    match usize::try_from(point.told) {
        _ if point.told == Point::ALL => Ok(count),
        Ok(told) if told <= count => Ok(told),
        _ => Err(damaged()),
    }
}

fn damaged() -> RpcError {
    RpcError::bad_parameter("\"cursor\" was changed: it names no position in the chain; begin again with \"above\"")
}

fn count_of(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(Point::ALL - 1)
}

fn unknown(point: &Point) -> RpcError {
    RpcError::not_found(format!(
        "this node does not have the block up to which you were told ({} at height {}): it may still sync, or its ledger is \
         another one; if so, begin again with \"above\"",
        point.hash, point.height
    ))
}

fn forgotten(point: &Point, kept_from: u32) -> RpcError {
    RpcError::not_found(format!(
        "this node no longer has the payments of block {} at height {} (pruned data), but those from height {kept_from} on; ask \
         one that has, or begin again with \"above\": {}",
        point.hash,
        point.height,
        kept_from.saturating_sub(1)
    ))
}
