//! `chain export`: writes the blocks of the chain.

use std::{
    fmt::Display,
    fs::{File, OpenOptions},
    io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::Path,
};

use indicatif::ProgressBar;
use serde_json::json;

use super::frames::{BUFFER_BYTES, Frames, StreamError};
use crate::{
    base::hash::Hash,
    chain::{
        archive::{HeaderArchive, Tip},
        header::Header,
    },
    cli::{
        context::Context,
        exit::{Exit, Failure, Outcome},
        named_file, offline, progress,
    },
    store::LedgerReader,
    wire::{frame::Frame, message::Message},
};

/// Runs `chain export`; `-` is standard output.
pub(super) fn export(context: &Context, file: &Path) -> Outcome {
    let reader = offline::reader(context)?;
    let ledger = context.ledger();
    let tip = reader.tip().map_err(|error| Failure::store(&ledger, &error))?;
    if file.as_os_str() == "-" {
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock());
        reader.require_kept(1).map_err(|error| Failure::store(&ledger, &error))?;
        let bar = progress::bar(u64::from(tip.height), "blocks");
        write_blocks(context, &reader, 1, tip.height, &mut out, &bar)?;
        return out.flush().map_err(|error| cannot_write(Path::new("standard output"), &error));
    }
    if !file.exists() {
        reader.require_kept(1).map_err(|error| Failure::store(&ledger, &error))?;
    }
    let broken = |error: io::Error| Failure::io("cannot write", file, &error);
    let mut out = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(file).map_err(broken)?;
    let done = resume(context, &reader, &tip, &mut out, file)?;
    reader.require_kept(tip.height.min(done.height + 1)).map_err(|error| Failure::store(&ledger, &error))?;
    out.set_len(done.bytes).map_err(broken)?;
    out.seek(SeekFrom::Start(done.bytes)).map_err(broken)?;
    let bar = progress::bar(u64::from(tip.height), "blocks");
    let mut out = BufWriter::with_capacity(BUFFER_BYTES, out);
    write_blocks(context, &reader, done.height + 1, tip.height, &mut out, &bar)?;
    let out = out.into_inner().map_err(|error| broken(error.into_error()))?;
    out.sync_all().map_err(broken)?;
    bar.finish_and_clear();
    let facts = json!({
        "file": file.display().to_string(), "from": done.height + 1, "height": tip.height, "tip": tip.hash,
    });
    context.print(&facts, |_| match done.height {
        _ if tip.height == 0 => format!("no blocks yet: {} is empty", file.display()),
        height if height == tip.height => format!("nothing to add: blocks 1 to {height} are in {}", file.display()),
        height => format!("blocks {} to {} are in {}", height + 1, tip.height, file.display()),
    })
}

/// The last whole block of an export, and where it ends in the file.
struct Exported {
    height: u32,
    bytes: u64,
}

/// Reads an earlier export, up to the last block that is still in the best chain, which ends at this tip. What is no export, or
/// has more work than the ledger, is not written over.
fn resume(context: &Context, reader: &LedgerReader, tip: &Tip, file: &mut File, path: &Path) -> Outcome<Exported> {
    let (spec, magic) = (context.spec(), context.spec().magic());
    let foreign = |why: &dyn Display| named_file::is_foreign("an export of this chain", path, why);
    let mut start = Vec::new();
    let read = Read::by_ref(file).take(magic.len() as u64).read_to_end(&mut start).and_then(|_| file.rewind());
    read.map_err(|error| Failure::io("cannot read", path, &error))?;
    let mut frames = Frames::new(BufReader::with_capacity(BUFFER_BYTES, file), magic);
    let mut done = Exported { height: 0, bytes: 0 };
    // Of the file, in the best chain or not.
    let (mut height, mut previous, mut work) = (0, spec.genesis_hash(), spec.genesis_work());
    loop {
        let header = match frames.next() {
            Ok(Some(body)) => Header::peek(&body).ok_or_else(|| foreign(&"a block has no header"))?,
            // Too short for a frame, and none of an export.
            Ok(None) | Err(StreamError::Cut) if !magic.starts_with(&start) => {
                return Err(foreign(&"it begins otherwise"));
            }
            // An interrupted export ends within a block.
            Ok(None) | Err(StreamError::Cut) => return Ok(done),
            Err(broken) => return Err(foreign(&broken)),
        };
        if header.previous != previous || header.height.checked_sub(1) != Some(height) {
            return Err(foreign(&format_args!("block {} does not follow {height}", header.height)));
        }
        work = spec.chain_work(work, &header);
        if work > tip.work {
            return Err(named_file::has_more(path, tip, done.height == tip.height));
        }
        let is_next = done.height == height;
        (height, previous) = (header.height, header.hash());
        let row = reader.applied_at(height).map_err(|error| Failure::store(&context.ledger(), &error))?;
        if is_next && row.is_some_and(|row| row.hash == previous) {
            done = Exported { height, bytes: frames.consumed };
        }
    }
}

fn write_blocks(
    context: &Context,
    reader: &LedgerReader,
    from: u32,
    to: u32,
    out: &mut impl Write,
    bar: &ProgressBar,
) -> Outcome {
    let magic = context.spec().magic();
    let mut previous: Option<Hash> = None;
    bar.set_position(u64::from(from.saturating_sub(1)));
    for height in from..=to {
        let body = reader.body_at(height).map_err(|error| Failure::store(&context.ledger(), &error))?;
        let header = body.as_deref().and_then(Header::peek);
        let (Some(body), Some(header)) = (body, header) else {
            reader.require_kept(height).map_err(|error| Failure::store(&context.ledger(), &error))?;
            return Err(Failure::reorganised());
        };
        if previous.is_some_and(|previous| previous != header.previous) {
            return Err(Failure::reorganised());
        }
        previous = Some(header.hash());
        let frame = Frame::new(&Message::Block(body));
        let written = out.write_all(&frame.head(magic)).and_then(|()| out.write_all(&frame.body));
        written.map_err(|error| cannot_write(Path::new("the blocks"), &error))?;
        bar.inc(1);
    }
    Ok(())
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::silent(Exit::Ok),
        _ => Failure::io("cannot write", path, error),
    }
}
