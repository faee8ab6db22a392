//! `chain import`: verifies blocks and appends them to the ledger.
//!
//! Blocks of another branch replace the ledger's from the fork on, once they have more work. Until then nothing is
//! committed, so that a worse or invalid branch leaves the ledger as it was.

use std::{
    fs::File,
    io::{self, BufReader, IsTerminal, Read},
    path::Path,
    sync::Arc,
};

use indicatif::ProgressBar;
use serde_json::json;

use super::frames::{BUFFER_BYTES, Frames, StreamError};
use crate::{
    base::{bytes::Bytes, hash::Hash, rng::Rng, time::UnixTime},
    chain::{block::HashedBlock, spec::ChainSpec},
    cli::{
        appender::Appender,
        context::Context,
        datadir::{self, Lock},
        exit::{Exit, Failure, Outcome},
        offline, progress, units,
    },
};

/// Runs `chain import`; `-` is standard input.
pub(super) fn import(context: &Context, file: &Path) -> Outcome {
    let (folder, flags) = (context.folder(), context.settings.flags());
    let lock = || Lock::acquire(&folder, &flags);
    let existing = folder.exists().then(lock).transpose()?;
    let (input, length) = open(file)?;
    let mut frames = Frames::new(BufReader::with_capacity(BUFFER_BYTES, input), context.spec().magic());
    // Before anything is made: a stream that is no export leaves no ledger behind.
    let Some(first) = next(&mut frames, file, 0)? else {
        let problem = "there are no blocks in it; make one with: tussock chain export FILE";
        return Err(Failure::new(Exit::Rejected, format!("{}: {problem}", shown(file))));
    };
    let _lock = existing.map_or_else(lock, Ok)?;
    let ledger = context.ledger();
    let spec = context.settings.spec.clone();
    let store = offline::open_for_filling(&ledger, &spec)?;
    context.keep_chain_file()?;
    let appender = Appender::new(spec.clone(), store, &ledger)?;
    let bar = progress::bar(length, "bytes");
    let rng = Rng::new(datadir::random_bytes::<32>()?);
    let mut import = Import { spec, appender, rng, held: None, imported: 0, replaced: 0 };
    let result = import.read(first, &mut frames, file, &bar);
    bar.finish_and_clear();
    let Import { appender, held, imported, replaced, .. } = import;
    // The blocks before a failure stay, unless they belong to a branch with less work.
    let finished = appender.finish();
    result?;
    let tip = finished?;
    let facts = json!({
        "height": tip.height, "tip": tip.hash, "state_digest": tip.digest, "imported": imported, "replaced": replaced,
        "left_out": u32::from(held.is_some()),
    });
    context.print(&facts, |_| {
        let replaced = match replaced {
            0 => String::new(),
            count => format!(", {} replaced", units::count(u64::from(count), "block")),
        };
        let imported = units::count(u64::from(imported), "block");
        let left_out =
            if held.is_some() { "; the last one is left out: nothing shows that it is notarised" } else { "" };
        format!("{imported} imported{replaced}; height {} tip {}{left_out}", tip.height, tip.hash)
    })
}

/// The input and its length; 0 if it is unknown.
fn open(file: &Path) -> Outcome<(Box<dyn Read>, u64)> {
    if file.as_os_str() == "-" {
        if io::stdin().is_terminal() {
            return Err(Failure::usage("standard input is a terminal; name a file, or use a pipe"));
        }
        return Ok((Box::new(io::stdin().lock()), 0));
    }
    let file = File::open(file).map_err(|error| Failure::input(file, &error))?;
    let length = file.metadata().map_or(0, |facts| facts.len());
    Ok((Box::new(file), length))
}

/// The next block's bytes; `above` is the height of the block before it.
fn next(frames: &mut Frames<impl Read>, file: &Path, above: u32) -> Outcome<Option<Bytes>> {
    let shown = shown(file);
    frames.next().map_err(|error| match error {
        StreamError::Read(error) => Failure::io("cannot read", file, &error),
        StreamError::Foreign | StreamError::OldProtocol => Failure::new(Exit::Mismatch, format!("{shown}: {error}")),
        error if frames.consumed == 0 => {
            Failure::new(Exit::Rejected, format!("{shown}: not what tussock chain export writes: {error}"))
        }
        error => Failure::new(Exit::Rejected, format!("{shown}: after block {above}: {error}")),
    })
}

/// How messages name the input.
fn shown(file: &Path) -> String {
    if file.as_os_str() == "-" { "standard input".to_owned() } else { file.display().to_string() }
}

struct Import {
    spec: Arc<ChainSpec>,
    appender: Appender,
    rng: Rng,
    /// The last block of a sealed chain: only the next one shows that it counts.
    held: Option<HashedBlock>,
    /// Blocks that were appended.
    imported: u32,
    /// Blocks of the ledger's branch that were disconnected for them.
    replaced: u32,
}

impl Import {
    fn read(&mut self, first: Bytes, frames: &mut Frames<impl Read>, file: &Path, bar: &ProgressBar) -> Outcome {
        let mut body = Some(first);
        while let Some(bytes) = body {
            self.take(bytes)?;
            bar.set_position(frames.consumed);
            body = next(frames, file, self.appender.tip().height)?;
        }
        self.held = self.held.take().filter(|held| self.appender.tip().hash != held.hash);
        Ok(())
    }

    /// Appends the block, or the one before if it is this one that shows that it counts.
    fn take(&mut self, bytes: Bytes) -> Outcome {
        let above = self.appender.tip().height;
        let block = HashedBlock::decode(bytes)
            .map_err(|error| Failure::new(Exit::Rejected, format!("after block {above}: not a block: {error}")))?;
        let rules = self.spec.seal_rules();
        if !rules.needs_certificate() || block.header.height == 0 {
            return self.append(&block);
        }
        if let Some(held) = self.held.take().filter(|held| block.header.previous == held.hash) {
            // If the chain's file lacks a set, the block before it is the one that breaks a rule.
            if !rules.certifies_parent(&self.spec, &block.header) {
                let (height, parent) = (block.header.height, held.header.height);
                let problem = format!("block {height} does not show that block {parent} is notarised");
                return Err(Failure::new(Exit::Rejected, problem));
            }
            self.append(&held)?;
        }
        self.held = Some(block);
        Ok(())
    }

    fn append(&mut self, block: &HashedBlock) -> Outcome {
        let above = self.appender.tip().height;
        let height = block.header.height;
        if height <= above && self.applied_at(height)? == Some(block.hash) {
            return Ok(());
        }
        if (1..=above).contains(&height) {
            if self.applied_at(height - 1)? != Some(block.header.previous) {
                let problem =
                    format!("block {height} is of another branch, and the blocks from the fork on are missing");
                return Err(Failure::new(Exit::Rejected, problem));
            }
            let kept_from = self.appender.store().kept_from();
            if height < kept_from {
                let problem = format!(
                    "block {height} is of another branch, and this ledger keeps whole blocks from height {kept_from} on only: to \
                     follow that branch, import it into an empty data directory (-d)"
                );
                return Err(Failure::new(Exit::Rejected, problem));
            }
            let result = self.appender.disconnect_to(height - 1);
            result.map_err(|error| self.appender.failure(height, &error.into()))?;
            self.replaced += above - (height - 1);
        }
        let now = UnixTime(units::unix_now());
        let result = self.appender.append(block, now, &mut self.rng);
        result.map_err(|error| self.appender.failure(height, &error))?;
        self.imported += 1;
        Ok(())
    }

    fn applied_at(&self, height: u32) -> Outcome<Option<Hash>> {
        let row = self.appender.store().applied_at(height);
        Ok(row.map_err(|error| self.appender.failure(height, &error.into()))?.map(|row| row.hash))
    }
}
