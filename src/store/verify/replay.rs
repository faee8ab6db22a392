//! One pass over the applied chain with the node's rules, in bounded memory.

use std::collections::BTreeMap;

use rusqlite::Connection;

use crate::{
    base::{hash::Hash, rng::Rng},
    chain::{
        archive::StoreError,
        block::{HashedBlock, HashedTransaction},
        coin::{Coin, CoinChange, coins_created},
        coin_key::CoinKey,
        digest::StateSum,
        key::{self, Claim},
        rules::{self, BlockFault, ParentFacts},
        schedule::Timeline,
        spec::ChainSpec,
        target::Work,
        transaction::{OutPoint, Transaction},
    },
    store::{
        bodies,
        coins::{self, CoinTable},
        error::corrupt,
        identity, migrate,
        rows::{self, StoredHeader},
    },
};

/// Coin changes that a replay holds in memory; about 3 MiB.
const REPLAY_COINS: usize = 16_384;
/// Signatures that a replay checks in one batch: larger ones gain little.
const REPLAY_SIGNATURES: usize = 1024;

/// The state of a replay. It reads only headers and bodies from the ledger and computes everything else.
pub(super) struct Replay<'a> {
    ledger: &'a Connection,
    spec: &'a ChainSpec,
    /// The block replayed last; the zero hash before genesis.
    tip: Hash,
    height: u32,
    time: u64,
    work: Work,
    timeline: Timeline,
    sum: StateSum,
    coins: Coins,
    /// Signatures to be checked in one batch, each with the height of its block.
    claims: Vec<(u32, Claim)>,
    rng: Rng,
}

/// The coins after the block replayed last: a temporary database that SQLite deletes, under a bounded overlay.
struct Coins {
    connection: Connection,
    table: CoinTable,
    overlay: BTreeMap<OutPoint, Option<Coin>>,
}

impl<'a> Replay<'a> {
    pub(super) fn new(ledger: &'a Connection, spec: &'a ChainSpec) -> Result<Self, StoreError> {
        Ok(Self {
            ledger,
            spec,
            tip: Hash::ZERO,
            height: 0,
            time: 0,
            work: Work::ZERO,
            timeline: Timeline::new(spec.parameters.pause_cap, [], 0),
            sum: StateSum::default(),
            coins: Coins::new()?,
            claims: Vec::new(),
            // A signer cannot predict the weights of a batch.
            rng: Rng::new(identity::random_secret(ledger)?),
        })
    }

    /// The block replayed last.
    pub(super) fn tip(&self) -> Hash {
        self.tip
    }

    /// The sum over the coins after it.
    pub(super) fn sum(&mut self) -> &mut StateSum {
        &mut self.sum
    }

    /// How many coins there are after it.
    pub(super) fn coin_count(&mut self) -> Result<u64, StoreError> {
        self.coins.count()
    }

    /// Checks the applied chain's block at the next height against all rules and applies it.
    pub(super) fn block(&mut self, height: u32) -> Result<(), StoreError> {
        let at = |what: String| corrupt(format!("block {height}: {what}"));
        let stored = StoredHeader::applied_at(self.ledger, height)?.ok_or_else(|| at("missing".to_owned()))?;
        let (header, hash) = (&stored.header, stored.hash);
        if height == 0 {
            if hash != self.spec.genesis_hash() {
                return Err(at("not the chain's genesis block".to_owned()));
            }
        } else {
            rules::check_header(self.spec, &self.parent(), header, &hash).map_err(|fault| at(fault.to_string()))?;
        }
        let work = self.spec.chain_work(self.work, header);
        // Ledgers of before later sets came first by their number have the view alone.
        if work != stored.work && Work::of_view(work.view()) != stored.work {
            return Err(at("the cumulative work stored is not the chain's".to_owned()));
        }
        let block = bodies::decoded(self.ledger, &stored).map_err(|error| at(error.to_string()))?;
        rules::check_block(&block).map_err(|fault| at(fault.to_string()))?;
        if self.sum.digest() != header.state_digest {
            let (found, expected) = (header.state_digest, self.sum.digest());
            return Err(at(BlockFault::StateDigest { found, expected }.to_string()));
        }
        if self.transactions(&block)? != bodies::spent(self.ledger, &block)? {
            return Err(at("the data that undoes it is not what it spent".to_owned()));
        }
        let seal_claims = self.spec.seal_rules().parent_claims(self.spec, header);
        self.claims.extend(seal_claims.into_iter().map(|claim| (height, claim)));
        (self.tip, self.height, self.time, self.work) = (hash, height, header.time, stored.work);
        self.timeline.push(header.time);
        if self.timeline.paused() != stored.paused {
            return Err(at("the pauses stored are not the chain's".to_owned()));
        }
        self.coins.spill(REPLAY_COINS)?;
        if self.claims.len() >= REPLAY_SIGNATURES { self.finish() } else { Ok(()) }
    }

    /// Checks the gathered signatures.
    pub(super) fn finish(&mut self) -> Result<(), StoreError> {
        let batch: Vec<Claim> = self.claims.iter().map(|(_, claim)| *claim).collect();
        if key::verify_batch(&batch, &mut self.rng) {
            self.claims.clear();
            return Ok(());
        }
        let bad = self.claims.iter().find(|(_, claim)| !key::verify(&claim.public_key, &claim.hash, &claim.signature));
        let height = bad.map_or(self.height, |(height, _)| *height);
        Err(corrupt(format!("block {height}: a signature does not hold")))
    }

    /// Spends and creates coins. Returns the spent coins from before the block.
    fn transactions(&mut self, block: &HashedBlock) -> Result<Vec<(OutPoint, Coin)>, StoreError> {
        let height = block.header.height;
        let at = |fault: BlockFault| corrupt(format!("block {height}: {fault}"));
        let (mut fees, mut spent) = (0u64, Vec::new());
        for (index, hashed) in block.transactions.iter().enumerate() {
            let inputs = &hashed.transaction.inputs;
            let coins: Vec<Option<Coin>> =
                inputs.iter().map(|input| self.coins.get(&input.outpoint)).collect::<Result<_, _>>()?;
            if index > 0 {
                let fee = rules::check_spend(self.spec, &hashed.transaction, &coins, height)
                    .map_err(|fault| at(BlockFault::Transaction { index, fault }))?;
                fees = fees.checked_add(fee).ok_or_else(|| corrupt(format!("block {height}: fees overflow")))?;
            }
            for (input, coin) in inputs.iter().zip(coins) {
                let coin = coin.ok_or_else(|| corrupt(format!("block {height}: a coin is missing")))?;
                self.sum.remove(&CoinKey::of(&input.outpoint), &coin);
                self.coins.overlay.insert(input.outpoint, None);
                if coin.height != height {
                    spent.push((input.outpoint, coin));
                }
            }
            for (outpoint, coin) in coins_created(hashed, height) {
                self.sum.add(&CoinKey::of(&outpoint), &coin);
                self.coins.overlay.insert(outpoint, Some(coin));
            }
            self.claim(height, hashed);
        }
        if height > 0 {
            rules::check_coinbase_amount(self.spec, &block.transactions[0].transaction, height, fees).map_err(at)?;
        }
        Ok(spent)
    }

    fn claim(&mut self, height: u32, hashed: &HashedTransaction) {
        let hash = Transaction::signing_hash(&hashed.txid, &self.spec.genesis_hash());
        let claims = hashed
            .transaction
            .inputs
            .iter()
            .map(|input| (height, Claim { public_key: input.public_key, hash, signature: input.signature }));
        self.claims.extend(claims);
    }

    fn parent(&self) -> ParentFacts {
        ParentFacts {
            hash: self.tip,
            height: self.height,
            time: self.time,
            median_time: self.timeline.median_time(),
            paused: self.timeline.paused(),
            work: self.work,
        }
    }
}

impl Coins {
    fn new() -> Result<Self, StoreError> {
        // SQLite opens a private temporary file for an empty name, and deletes it when it is closed.
        let mut connection = Connection::open("")?;
        connection.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -4096")?;
        migrate::LEDGER.migrate(&mut connection)?;
        let secret = identity::random_secret(&connection)?;
        let table = CoinTable::open(&connection, secret, coins::FILTER_BYTES)?;
        Ok(Self { connection, table, overlay: BTreeMap::new() })
    }

    fn get(&self, outpoint: &OutPoint) -> Result<Option<Coin>, StoreError> {
        match self.overlay.get(outpoint) {
            Some(coin) => Ok(coin.clone()),
            None => self.table.get(&self.connection, &CoinKey::of(outpoint)),
        }
    }

    /// Flushes the overlay into the database once it holds this many changes.
    fn spill(&mut self, at: usize) -> Result<(), StoreError> {
        if self.overlay.len() >= at {
            rows::run(&self.connection, "BEGIN", [])?;
            let overlay = std::mem::take(&mut self.overlay).into_iter();
            self.table.write(&self.connection, &mut overlay.map(|(outpoint, coin)| CoinChange::of(&outpoint, coin)))?;
            self.table.merge_all(&self.connection)?;
            rows::run(&self.connection, "COMMIT", [])?;
        }
        Ok(())
    }

    fn count(&mut self) -> Result<u64, StoreError> {
        self.spill(0)?;
        let mut count = 0;
        self.table.each_coin(&self.connection, |_, _| {
            count += 1;
            Ok(())
        })?;
        Ok(count)
    }
}
