//! `chain export`, `chain import`: a chain as a stream of framed blocks, the frames of the peer protocol.
//!
//! The frames' magic identifies the chain, and their checksums detect damage. Both directions resume: an export
//! continues after the last whole block of its file, an import skips blocks that the ledger has.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufReader, BufWriter, IsTerminal, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use serde_json::json;

use super::{
    appender::Appender,
    context::Context,
    datadir::{self, Lock},
    exit::{Exit, Failure, Outcome},
    offline, progress, units,
};
use crate::{
    base::{hash::Hash, limits::FRAME_HEAD_BYTES, rng::Rng, time::UnixTime},
    chain::{archive::HeaderArchive, block::HashedBlock, header::Header},
    store::LedgerReader,
    wire::{
        frame::{Frame, FrameFault, FrameReader},
        message::{Kind, Message},
    },
};

/// Bytes of one read or write.
const BUFFER_BYTES: usize = 256 * 1024;

/// `tussock chain`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tussock chain export blocks.dat
  tussock chain export - -d /tmp/a | tussock chain import - -d /tmp/b")]
pub struct ChainArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Write all blocks to a file; also works while the node runs
    #[command(after_help = "Examples:\n  tussock chain export blocks.dat\n  tussock chain export - | gzip > blocks.gz")]
    Export {
        /// The file; an unfinished export is continued. `-` is standard output
        file: PathBuf,
    },
    /// Verify blocks from a file and append them to the ledger; the node must be stopped
    #[command(
        after_help = "Examples:\n  gunzip < blocks.gz | tussock chain import -\n  tussock chain import blocks.dat"
    )]
    Import {
        /// The file; `-` is standard input
        file: PathBuf,
    },
}

/// Runs the command.
pub fn run(context: &Context, arguments: &ChainArgs) -> Outcome {
    match &arguments.verb {
        Verb::Export { file } => export(context, file),
        Verb::Import { file } => import(context, file),
    }
}

fn is_pipe(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn export(context: &Context, file: &Path) -> Outcome {
    let reader = offline::reader(context)?;
    let ledger = context.ledger();
    let (tip, _) = reader.tip().map_err(|error| Failure::store(&ledger, &error))?;
    if is_pipe(file) {
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock());
        let bar = progress::bar(u64::from(tip.height), "blocks");
        write_blocks(context, &reader, 1, tip.height, &mut out, &bar)?;
        return out.flush().map_err(|error| cannot_write(Path::new("standard output"), &error));
    }
    let broken = |error: io::Error| Failure::io("cannot write", file, &error);
    let mut out = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(file).map_err(broken)?;
    let done = resume(context, &reader, &mut out, file)?;
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
        height if height == tip.height => format!("nothing to add: blocks 1 to {height} are in {}", file.display()),
        height => format!("blocks {} to {} are in {}", height + 1, tip.height, file.display()),
    })
}

/// The last whole block of an export, and where it ends in the file.
struct Exported {
    height: u32,
    bytes: u64,
}

/// Reads an earlier export, up to the last block that is still in the best chain.
fn resume(context: &Context, reader: &LedgerReader, file: &mut File, path: &Path) -> Outcome<Exported> {
    let mut frames = Frames::new(BufReader::with_capacity(BUFFER_BYTES, file), context.spec().magic());
    let mut done = Exported { height: 0, bytes: 0 };
    loop {
        let header = match frames.next() {
            Ok(Some(body)) => Header::peek(&body),
            // An interrupted export ends within a block.
            Ok(None) | Err(StreamError::Cut) => return Ok(done),
            Err(broken) => {
                let advice = "choose another file, or remove it";
                return Err(Failure::usage(format!(
                    "not an export of this chain: {}: {broken}; {advice}",
                    path.display()
                )));
            }
        };
        let Some(header) = header else { return Ok(done) };
        let row = reader.applied_at(header.height).map_err(|error| Failure::store(&context.ledger(), &error))?;
        if header.height != done.height + 1 || row.is_none_or(|row| row.hash != header.hash()) {
            return Ok(done);
        }
        done = Exported { height: header.height, bytes: frames.consumed };
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
            return Err(Failure::new(
                Exit::Internal,
                format!("block {height} is gone because of a reorganisation; run the command again"),
            ));
        };
        if previous.is_some_and(|previous| previous != header.previous) {
            return Err(Failure::new(Exit::Internal, "the chain was reorganised meanwhile; run the command again"));
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

fn import(context: &Context, file: &Path) -> Outcome {
    let _lock = Lock::acquire(&context.folder(), &context.settings.flags())?;
    let (input, length): (Box<dyn Read>, u64) = if is_pipe(file) {
        if io::stdin().is_terminal() {
            return Err(Failure::usage("standard input is a terminal; name a file, or use a pipe"));
        }
        (Box::new(io::stdin().lock()), 0)
    } else {
        let file = File::open(file).map_err(|error| Failure::input(file, &error))?;
        let length = file.metadata().map_or(0, |facts| facts.len());
        (Box::new(file), length)
    };
    let ledger = context.ledger();
    let spec = context.settings.spec.clone();
    let store = offline::open_for_filling(&ledger, &spec)?;
    let mut appender = Appender::new(spec, store, &ledger)?;
    let before = appender.tip().height;
    let bar = progress::bar(length, "bytes");
    let mut frames = Frames::new(BufReader::with_capacity(BUFFER_BYTES, input), context.spec().magic());
    let result = read_blocks(&mut appender, &mut frames, &bar);
    bar.finish_and_clear();
    // The blocks before a failure stay.
    let tip = appender.finish()?;
    result?;
    let facts = json!({
        "height": tip.height, "tip": tip.hash, "state_digest": tip.digest, "imported": tip.height - before,
    });
    context.print(&facts, |_| {
        let imported = units::grouped(u64::from(tip.height - before));
        format!("{imported} blocks imported; height {} tip {}", tip.height, tip.hash)
    })
}

fn read_blocks(appender: &mut Appender, frames: &mut Frames<impl Read>, bar: &ProgressBar) -> Outcome {
    let mut rng = Rng::new(datadir::random_bytes::<32>()?);
    loop {
        let above = appender.tip().height;
        let body = match frames.next() {
            Ok(Some(body)) => body,
            Ok(None) => return Ok(()),
            Err(broken @ StreamError::Foreign) => return Err(Failure::new(Exit::Mismatch, broken.to_string())),
            Err(broken) if frames.consumed == 0 => {
                return Err(Failure::new(Exit::Rejected, format!("not what tussock chain export writes: {broken}")));
            }
            Err(broken) => return Err(Failure::new(Exit::Rejected, format!("after block {above}: {broken}"))),
        };
        bar.set_position(frames.consumed);
        let block = HashedBlock::decode(body)
            .map_err(|error| Failure::new(Exit::Rejected, format!("after block {above}: not a block: {error}")))?;
        let height = block.header.height;
        if height <= above {
            let ours = appender.store().applied_at(height).map_err(|error| appender.failure(height, &error.into()))?;
            if ours.is_some_and(|ours| ours.hash == block.hash) {
                continue;
            }
            return Err(Failure::new(
                Exit::Rejected,
                format!("another branch: block {height} differs from the ledger's"),
            ));
        }
        let now = UnixTime(units::unix_now());
        appender.append(&block, now, &mut rng).map_err(|error| appender.failure(height, &error))?;
    }
}

/// Reads blocks from a stream.
struct Frames<R> {
    input: R,
    reader: FrameReader,
    buffer: Vec<u8>,
    at: usize,
    /// Bytes of the frames that were read so far.
    consumed: u64,
}

/// Why a stream cannot be read on.
#[derive(Debug, thiserror::Error)]
enum StreamError {
    /// It ends within a block.
    #[error("the stream ends within a block")]
    Cut,
    /// It holds the blocks of another chain.
    #[error("these are the blocks of another chain; name the right one with --chain")]
    Foreign,
    /// It does not hold frames with blocks.
    #[error("{0}")]
    Wrong(String),
}

impl<R: Read> Frames<R> {
    fn new(input: R, magic: [u8; 4]) -> Self {
        Self { input, reader: FrameReader::new(magic), buffer: Vec::new(), at: 0, consumed: 0 }
    }

    /// The next block's bytes; `None` at the end.
    fn next(&mut self) -> Result<Option<crate::base::bytes::Bytes>, StreamError> {
        loop {
            let mut rest = &self.buffer[self.at..];
            let frame = self.reader.read(&mut rest).map_err(|fault| match fault {
                FrameFault::Magic if self.consumed == 0 && starts_with_a_block(&self.buffer) => StreamError::Foreign,
                fault => StreamError::Wrong(fault.to_string()),
            })?;
            self.at = self.buffer.len() - rest.len();
            if let Some(frame) = frame {
                if frame.kind != Kind::Block {
                    return Err(StreamError::Wrong(format!("a frame of kind {:?}", frame.kind)));
                }
                frame.check().map_err(|fault| StreamError::Wrong(fault.to_string()))?;
                self.consumed += (FRAME_HEAD_BYTES + frame.body.len()) as u64;
                return Ok(Some(frame.body));
            }
            if !self.fill()? {
                return if self.reader.in_frame() { Err(StreamError::Cut) } else { Ok(None) };
            }
        }
    }

    fn fill(&mut self) -> Result<bool, StreamError> {
        self.buffer.resize(BUFFER_BYTES, 0);
        let count = self.input.read(&mut self.buffer).map_err(|error| StreamError::Wrong(error.to_string()))?;
        self.buffer.truncate(count);
        self.at = 0;
        Ok(count > 0)
    }
}

/// Whether bytes begin like a frame with a block, of any chain.
fn starts_with_a_block(bytes: &[u8]) -> bool {
    let length = bytes.get(5..9).and_then(|length| length.try_into().ok()).map(u32::from_le_bytes);
    bytes.get(4) == Some(&(Kind::Block as u8)) && length.is_some_and(|length| length as usize <= Kind::Block.max_body())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read_from_a_stream_and_a_cut_is_not_an_end() {
        let magic = [1, 2, 3, 4];
        let block = |n: u8| Frame::new(&Message::Block(vec![n; 200_000].into())).to_bytes(magic);
        let stream = [block(1), block(2)].concat();
        let read = |bytes: &[u8]| {
            let mut frames = Frames::new(bytes, magic);
            let mut lengths = Vec::new();
            loop {
                match frames.next() {
                    Ok(Some(body)) => lengths.push((body.len(), frames.consumed)),
                    Ok(None) => return (lengths, "end"),
                    Err(StreamError::Cut) => return (lengths, "cut"),
                    Err(StreamError::Foreign) => return (lengths, "foreign"),
                    Err(StreamError::Wrong(_)) => return (lengths, "wrong"),
                }
            }
        };
        let one = block(1).len() as u64;
        assert_eq!(read(&stream), (vec![(200_000, one), (200_000, 2 * one)], "end"));
        assert_eq!(read(&stream[..stream.len() - 1]), (vec![(200_000, one)], "cut"));
        let mut changed = stream.clone();
        changed[300_000] ^= 1;
        assert_eq!(read(&changed), (vec![(200_000, one)], "wrong"));
        assert_eq!(read(b"GIF89a and more of the same"), (vec![], "wrong"));
        let other = Frame::new(&Message::Block(vec![1; 9].into())).to_bytes([4, 3, 2, 1]);
        assert_eq!(read(&other), (vec![], "foreign"));
    }
}
