//! The transactions of the node's keys, in the form of Bitcoin Core's wallet.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Map, Value, json};

use super::own::OwnKey;
use crate::{
    base::hash::Hash,
    chain::{
        address::Address,
        archive::{BlockStatus, HeaderRow, Tip},
        block::{HashedBlock, HashedTransaction},
        rules,
    },
    node::command::PoolEntry,
    rpc::{
        context::Context,
        databases::{Cursor, Databases},
        error::{BAD_PARAMETER, RpcError},
        json::object,
        render,
        rows::Rows,
    },
};

/// Entries of one page of an address's history.
const PAGE: usize = 256;
/// Transactions that are counted, or of which those with a label are looked for.
const MAX_TRANSACTIONS: usize = 5_000;
/// Transactions since a block whose places are held in memory.
const MAX_PLACES: usize = 50_000;
/// Bytes of rows after whose block an answer ends: who pays a key decides how many rows each payment has.
const MAX_LISTED: usize = 2 * 1024 * 1024;
/// Blocks of an abandoned branch that are followed.
const MAX_BRANCH: usize = 10_000;

/// Where a transaction is.
enum Place<'a> {
    Pool {
        since: u64,
    },
    Chain {
        row: &'a HeaderRow,
        position: usize,
        tip: &'a Tip,
    },
    /// In a block that is not part of the best chain.
    Removed,
}

/// Reads blocks of the best chain, one at a time.
struct Blocks<'a> {
    databases: &'a mut Databases,
    tip: Tip,
    read: Option<(HeaderRow, HashedBlock)>,
}

impl<'a> Blocks<'a> {
    fn new(databases: &'a mut Databases) -> Result<Self, RpcError> {
        let tip = databases.tip()?;
        Ok(Self { databases, tip, read: None })
    }

    /// The block at a height, if its body is there.
    fn at(&mut self, height: u32) -> Result<Option<&(HeaderRow, HashedBlock)>, RpcError> {
        if self.read.as_ref().is_none_or(|(row, _)| row.header.height != height) {
            let row = self.databases.at_height(u64::from(height))?;
            self.databases.require_kept(&row)?;
            self.read = self.databases.block(&row.hash)?.map(|block| (row, block));
        }
        Ok(self.read.as_ref())
    }
}

/// Whose transactions are listed, and how.
pub struct Lister<'a> {
    context: &'a Context,
    labels: BTreeMap<Address, String>,
    /// Those whose keys are elsewhere.
    watched: BTreeSet<Address>,
    /// Only rows with this label.
    label: Option<&'a str>,
}

impl<'a> Lister<'a> {
    /// The transactions of these keys.
    pub fn new<'k>(
        context: &'a Context,
        keys: impl Iterator<Item = &'k OwnKey> + Clone,
        label: Option<&'a str>,
    ) -> Self {
        let watched = keys.clone().filter(|key| key.is_watched).map(|key| key.address).collect();
        Self { context, labels: super::own::labels(keys), watched, label }
    }

    /// The last rows, the newest first: what waits, and what is confirmed.
    pub fn last(&self, databases: &mut Databases, pool: &[PoolEntry], count: usize) -> Result<Rows, RpcError> {
        // Of those with a label, nobody knows how many there are among the last ones.
        let most = if self.label.is_some() { MAX_TRANSACTIONS } else { count };
        let places = self.places(databases, None, most)?;
        let mut rows = self.waiting(pool, &places, count);
        let mut blocks = Blocks::new(databases)?;
        for (place, txid) in places.iter().rev() {
            if rows.len() >= count {
                break;
            }
            self.confirmed(&mut blocks, *place, txid, &mut rows)?;
        }
        rows.truncate(count);
        Ok(rows)
    }

    /// The rows above a height, the oldest first: what is confirmed, then what waits. With them the height up to which they go, if
    /// there are more: then nothing that waits is among them.
    pub fn above(
        &self,
        databases: &mut Databases,
        pool: &[PoolEntry],
        height: Option<u32>,
    ) -> Result<(Rows, Option<u32>), RpcError> {
        let places = self.places(databases, height, MAX_PLACES)?;
        if places.len() >= MAX_PLACES {
            let text = format!("more than {MAX_PLACES} transactions since then; name a later block");
            return Err(RpcError::new(BAD_PARAMETER, text));
        }
        let (mut rows, mut reached) = (Rows::up_to(MAX_LISTED), None);
        let mut blocks = Blocks::new(databases)?;
        for (place, txid) in &places {
            // Whole blocks, so that the next answer can go on above.
            if let Some(height) = reached.filter(|height| *height < place.0 && rows.is_full()) {
                return Ok((rows, Some(height)));
            }
            let start = rows.len();
            self.confirmed(&mut blocks, *place, txid, &mut rows)?;
            rows.reverse_from(start);
            reached = Some(place.0);
        }
        let waiting = self.waiting(pool, &places, usize::MAX);
        rows.append_reversed(waiting);
        Ok((rows, None))
    }

    /// How many transactions are confirmed, as far as they are counted.
    pub fn count(&self, databases: &mut Databases) -> Result<usize, RpcError> {
        Ok(self.places(databases, None, MAX_TRANSACTIONS)?.len())
    }

    /// The rows of blocks that are no longer in the best chain, from one of them down; and the height at which its branch leaves
    /// the chain.
    pub fn removed(&self, databases: &mut Databases, from: &Hash) -> Result<(Rows, u32), RpcError> {
        let (mut hash, mut rows) = (*from, Rows::up_to(MAX_LISTED));
        for _ in 0..MAX_BRANCH {
            let row = databases.header(&hash)?.ok_or_else(|| RpcError::not_found("Block not found"))?;
            if row.status == BlockStatus::Applied {
                return Ok((rows, row.header.height));
            }
            let block = databases.block(&hash)?.ok_or_else(|| RpcError::not_found("Block not found on disk"))?;
            for one in block.transactions.iter().rev() {
                self.rows_of(one, &Place::Removed, &mut rows);
            }
            if rows.is_full() {
                return Err(RpcError::new(
                    BAD_PARAMETER,
                    "more was undone than fits into an answer; watch tells of it",
                ));
            }
            hash = row.header.previous;
        }
        Err(RpcError::new(BAD_PARAMETER, "this block's branch is too long"))
    }

    /// Places of the keys' transactions above a height, newest first; about as many as wanted.
    fn places(
        &self,
        databases: &mut Databases,
        above: Option<u32>,
        most: usize,
    ) -> Result<BTreeMap<(u32, u32), Hash>, RpcError> {
        let mut places = BTreeMap::new();
        for address in self.labels.keys() {
            let (mut before, mut taken): (Option<Cursor>, usize) = (None, 0);
            loop {
                let limit = PAGE.min(most.saturating_sub(taken)).max(1);
                let page = databases.history(address, before, limit)?;
                let wanted = page.iter().filter(|entry| above.is_none_or(|above| entry.height > above));
                places.extend(wanted.map(|entry| ((entry.height, entry.position), entry.txid)));
                taken += page.len();
                let Some(last) = page.last() else { break };
                let is_below = above.is_some_and(|above| last.height <= above);
                if page.len() < limit || is_below || taken >= most {
                    break;
                }
                before = Some(Cursor { height: last.height, position: last.position });
            }
            while places.len() > most {
                places.pop_first();
            }
        }
        Ok(places)
    }

    /// Adds the rows of the transaction at a place, the last one first.
    fn confirmed(
        &self,
        blocks: &mut Blocks<'_>,
        (height, position): (u32, u32),
        txid: &Hash,
        rows: &mut Rows,
    ) -> Result<(), RpcError> {
        let tip = blocks.tip.clone();
        let Some((row, block)) = blocks.at(height)? else { return Ok(()) };
        let at = usize::try_from(position).unwrap_or(usize::MAX);
        // Another one there: the chain has moved since the index was read, and the next call tells of it.
        if let Some(one) = block.transactions.get(at).filter(|one| one.txid == *txid) {
            self.rows_of(one, &Place::Chain { row, position: at, tip: &tip }, rows);
        }
        Ok(())
    }

    /// The rows of what waits, the newest first, unless it is confirmed meanwhile; about as many as wanted.
    fn waiting(&self, pool: &[PoolEntry], places: &BTreeMap<(u32, u32), Hash>, most: usize) -> Rows {
        let confirmed: BTreeSet<&Hash> = places.values().collect();
        let mut entries: Vec<(u64, &Arc<HashedTransaction>)> = pool
            .iter()
            .filter(|entry| !confirmed.contains(&entry.transaction.txid))
            .map(|entry| (entry.since, &entry.transaction))
            .collect();
        entries.sort_by_key(|(since, one)| (std::cmp::Reverse(*since), one.txid));
        let mut rows = Rows::up_to(MAX_LISTED);
        for (since, one) in entries {
            if rows.len() >= most || rows.is_full() {
                break;
            }
            self.rows_of(one, &Place::Pool { since }, &mut rows);
        }
        rows
    }

    /// Adds a row for each output that a transaction pays away, and for each that it brings, the last one first.
    fn rows_of(&self, one: &HashedTransaction, place: &Place<'_>, rows: &mut Rows) {
        let transaction = &one.transaction;
        let payers: BTreeSet<Address> = transaction.inputs.iter().map(|input| Address::of(&input.public_key)).collect();
        let is_ours = payers.iter().any(|payer| self.labels.contains_key(payer));
        let fee = rules::fee(transaction).unwrap_or(0);
        let shared = self.shared(one, place);
        let pays_elsewhere = payers.iter().any(|payer| self.watched.contains(payer));
        for (at, output) in transaction.outputs.iter().enumerate().rev() {
            let own = self.labels.get(&output.address);
            // What goes back to a key that pays is change.
            if is_ours && payers.contains(&output.address) || !is_ours && own.is_none() {
                continue;
            }
            let label = own.map_or("", String::as_str);
            if self.label.is_some_and(|wanted| wanted != label) {
                continue;
            }
            let mut row = |category: &str, amount: i128| {
                let mut fields = shared.clone();
                let address = self.context.text(&output.address);
                fields.extend(object(json!({
                    "address": address, "category": category, "amount": amount, "label": label, "vout": at,
                })));
                let is_watched =
                    if category == "send" { pays_elsewhere } else { self.watched.contains(&output.address) };
                if is_watched {
                    fields.insert("involvesWatchonly".to_owned(), json!(true));
                }
                if category == "send" {
                    fields.insert("fee".to_owned(), json!(-i128::from(fee)));
                    fields.insert("abandoned".to_owned(), json!(false));
                }
                rows.push(fields);
            };
            if own.is_some() {
                row(self.category(transaction.is_coinbase(), place), i128::from(output.amount));
            }
            // A label is asked for to see who paid.
            if is_ours && self.label.is_none() {
                row("send", -i128::from(output.amount));
            }
        }
    }

    fn category(&self, is_coinbase: bool, place: &Place<'_>) -> &'static str {
        let matures = |row: &HeaderRow| row.header.height.saturating_add(self.context.chain.parameters.maturity);
        match (is_coinbase, place) {
            (false, _) => "receive",
            (true, Place::Chain { row, tip, .. }) if matures(row) <= tip.height.saturating_add(1) => "generate",
            (true, Place::Chain { .. }) => "immature",
            (true, _) => "orphan",
        }
    }

    /// What all rows of a transaction say.
    fn shared(&self, one: &HashedTransaction, place: &Place<'_>) -> Map<String, Value> {
        let mut fields =
            object(json!({ "txid": one.txid, "walletconflicts": [], "memo": render::memo(&one.transaction) }));
        let doubtful = self.context.doubt().is_some();
        fields.extend(object(match place {
            Place::Pool { since } => {
                json!({ "confirmations": 0, "trusted": false, "time": since, "timereceived": since })
            }
            Place::Removed => json!({ "confirmations": 0, "trusted": false, "time": 0, "timereceived": 0 }),
            Place::Chain { row, position, tip } => {
                let time = row.header.time;
                let depth = if doubtful { 0 } else { render::confirmations(tip, row.header.height) };
                json!({
                    "confirmations": depth, "blockhash": row.hash, "blockheight": row.header.height,
                    "blockindex": position, "blocktime": time, "time": time, "timereceived": time,
                })
            }
        }));
        fields
    }
}
