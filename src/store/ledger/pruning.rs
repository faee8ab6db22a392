//! How many blocks are to be kept, and which are the last of them.

use std::sync::{Arc, atomic::AtomicU32};

use rusqlite::Connection;

use crate::{
    chain::archive::{Keep, StoreError},
    store::rows,
};

/// Most blocks whose sizes one step looks up.
const MEASURED_BLOCKS: u32 = 4096;

/// What is to be kept, and what is known of it.
#[derive(Debug)]
pub(super) struct Pruning {
    pub(super) keep: Keep,
    /// The lowest height that somebody else still reads.
    pub(super) held: Arc<AtomicU32>,
    /// With [`Keep::Bytes`]: the last blocks, as far as they were measured.
    measured: Option<Measured>,
    /// Blocks connected since the last commit.
    pub(super) connected: u32,
    /// Whether blocks that are to go are still read by somebody else.
    pub(super) is_held: bool,
}

/// Blocks of the applied chain with their bytes together.
#[derive(Clone, Copy, Debug)]
struct Measured {
    low: u32,
    high: u32,
    bytes: u64,
}

impl Pruning {
    pub(super) fn new(keep: Keep) -> Self {
        Self { keep, held: Arc::new(AtomicU32::new(u32::MAX)), measured: None, connected: 0, is_held: false }
    }

    /// Whether it waits for somebody who reads what is to go.
    pub(super) fn is_held(&self) -> bool {
        self.is_held
    }

    /// A block was connected.
    pub(super) fn connected(&mut self) {
        self.connected = self.connected.saturating_add(1);
    }

    /// Blocks were disconnected, or changes rolled back.
    pub(super) fn forget(&mut self) {
        (self.measured, self.connected) = (None, 0);
    }

    /// The lowest height that is to be kept below the block at `tip`; `None`: not known yet, call it again.
    pub(super) fn wanted(
        &mut self,
        connection: &Connection,
        kept_from: u32,
        tip: u32,
    ) -> Result<Option<u32>, StoreError> {
        let lowest_of = |blocks: u32| tip.saturating_add(1).saturating_sub(blocks);
        match self.keep {
            Keep::All => Ok(Some(0)),
            Keep::Blocks(blocks) => Ok(Some(lowest_of(blocks.max(Keep::FEWEST)))),
            Keep::Bytes(bytes) => {
                let mut measured =
                    self.measured.unwrap_or(Measured { low: tip.saturating_add(1), high: tip, bytes: 0 });
                let is_known = measured.extend(connection, kept_from, tip, bytes)?;
                self.measured = Some(measured);
                Ok(is_known.then(|| measured.low.min(lowest_of(Keep::FEWEST))))
            }
        }
    }
}

impl Measured {
    /// Takes in the blocks up to `tip`, and older ones as long as all together have at most `most` bytes. Returns whether that is
    /// all; else there are more to look at.
    fn extend(&mut self, connection: &Connection, kept_from: u32, tip: u32, most: u64) -> Result<bool, StoreError> {
        while self.high < tip {
            self.high += 1;
            self.bytes = self.bytes.saturating_add(block_bytes(connection, self.high)?);
        }
        while self.bytes > most && self.low <= self.high {
            self.bytes = self.bytes.saturating_sub(block_bytes(connection, self.low)?);
            self.low += 1;
            if self.bytes <= most {
                return Ok(true);
            }
        }
        for _ in 0..MEASURED_BLOCKS {
            if self.low <= kept_from {
                return Ok(true);
            }
            let bytes = self.bytes.saturating_add(block_bytes(connection, self.low - 1)?);
            if bytes > most {
                return Ok(true);
            }
            (self.low, self.bytes) = (self.low - 1, bytes);
        }
        Ok(false)
    }
}

/// Bytes of an applied block's body and undo data. Reads their lengths only.
pub(super) fn block_bytes(connection: &Connection, height: u32) -> Result<u64, StoreError> {
    let sql = "SELECT length(b.bytes) + ifnull(length(a.undo), 0) FROM applied a JOIN bodies b ON b.id = a.id \
               WHERE a.height = ?1";
    Ok(rows::one(connection, sql, [height], |row| rows::integer(row, 0))?.unwrap_or(0))
}
