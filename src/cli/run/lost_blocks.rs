//! Blocks that the ledger had before and has no more. SQLite opens a ledger whose write-ahead log was deleted as if nothing
//! had been in the log. The index, a file of its own, remembers how far the ledger was.
//!
//! The index forgets it as soon as it follows the ledger again, so a file keeps it until the ledger is as high as it was.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    base::hash::Hash,
    chain::archive::{HeaderArchive, StoreError},
    cli::datadir,
    node::hindrance::Finding,
    runtime::status::Status,
    store::{IndexDb, LedgerReader},
};

/// The file's name.
const FILE: &str = "lost-blocks";

/// Blocks that were lost before the node started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LostBlocks {
    /// Where the ledger ended after the loss.
    tip: u32,
    /// The last block that the index has seen in it. The ledger may have had a few more.
    reached: (u32, Hash),
    file: PathBuf,
}

impl LostBlocks {
    /// Compares the ledger with the index in the same folder, and with what an earlier run found. No index, or one that cannot
    /// be read, tells nothing.
    pub(super) fn find(ledger: &LedgerReader, folder: &Path) -> Result<Option<Self>, StoreError> {
        let (file, tip) = (folder.join(FILE), ledger.tip()?.height);
        // After a reorganisation the ledger still knows the header of the block that it left.
        let is_lost =
            |(height, hash): &(u32, Hash)| Ok::<_, StoreError>(*height > tip && ledger.header(hash)?.is_none());
        let known = Self::read(&file);
        let seen = match IndexDb::last_in(&folder.join(datadir::INDEX), &ledger.genesis()) {
            Some(seen) if is_lost(&seen)? => Some(Self { tip, reached: seen, file: file.clone() }),
            _ => None,
        };
        let known = match known {
            Some(known) if is_lost(&known.reached)? => Some(known),
            _ => None,
        };
        let lost = match (seen, known) {
            (Some(seen), Some(known)) if seen.reached.0 <= known.reached.0 => Some(known),
            (Some(seen), Some(known)) => Some(Self { tip: tip.min(known.tip), ..seen }),
            (seen, known) => seen.or(known),
        };
        match &lost {
            Some(lost) => lost.write(),
            None => drop(fs::remove_file(file)), // seldom there
        }
        Ok(lost)
    }

    /// What is told until the ledger is as high as it was. The file goes with it.
    pub(super) fn finding(lost: &mut Option<Self>, status: &Status) -> Option<Finding> {
        let height = status.tip.as_ref().map_or(0, |tip| tip.height);
        if let Some(over) = lost.take_if(|lost| height >= lost.reached.0) {
            drop(fs::remove_file(over.file));
        }
        let Self { tip, reached: (reached, _), file } = lost.as_ref()?;
        Some(Finding::new(
            format!("the ledger lost the blocks above {tip}; it had at least block {reached}"),
            format!(
                "its file or its log (ledger.db-wal) was deleted, replaced or lost by the disk; peers send the blocks again; if \
                 that was meant, delete {} and start again",
                file.display()
            ),
        ))
    }

    fn read(file: &Path) -> Option<Self> {
        let text = fs::read_to_string(file).ok()?;
        let mut words = text.split_whitespace();
        let tip = words.next()?.parse().ok()?;
        let reached = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some(Self { tip, reached, file: file.to_owned() })
    }

    fn write(&self) {
        let Self { tip, reached: (height, hash), file } = self;
        if let Err(failure) = datadir::write_atomically(file, format!("{tip} {height} {hash}\n").as_bytes(), 0o644) {
            log::warn!("cannot keep the loss of blocks for the next start error=\"{}\"", failure.message);
        }
    }
}
