//! A file with all headers of a chain, one after the other from the first above genesis: with it, receipts of a chain of
//! proof of work can be checked without a node. 125 bytes each.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    path::Path,
};

use serde_json::json;

use crate::{
    base::{codec, hash::Hash, limits::MAX_HEADER_BYTES, time::UnixTime},
    chain::{
        archive::HeaderArchive as _,
        header::Header,
        rules::{self, ParentFacts},
        schedule::Timeline,
        seal::LastWork,
        spec::ChainSpec,
        target::Work,
    },
    cli::{
        context::Context,
        exit::{Exit, Failure, Outcome},
        named_file, offline, units,
    },
    store::LedgerReader,
};

/// Headers read at a time.
const PAGE: usize = 1000;

/// Bytes read at a time.
const BUFFER_BYTES: usize = 64 * 1024;

/// Why a file is not one of headers.
#[derive(Debug)]
enum Problem {
    Read(io::Error),
    Header(String),
}

/// The headers of a file, each valid on the one before.
pub(super) struct HeaderFile {
    heights: HashMap<Hash, u32>,
    /// The last one's.
    pub(super) height: u32,
    pub(super) time: u64,
    pub(super) work: Work,
}

/// Runs `chain headers`; `-` is standard output.
pub fn write(context: &Context, file: &Path) -> Outcome {
    let reader = offline::reader(context)?;
    if file.as_os_str() == "-" {
        return write_headers(context, &reader, &mut io::stdout().lock(), Path::new("standard output")).map(drop);
    }
    let mut last = None;
    named_file::write_over(
        file,
        0o644,
        || may_replace(context, &reader, file),
        |out| {
            last = Some(write_headers(context, &reader, out, file)?);
            Ok(())
        },
    )?;
    let (height, tip) = last.unwrap_or((0, context.spec().genesis_hash()));
    let facts = json!({ "file": file.display().to_string(), "height": height, "tip": tip });
    context.print(&facts, |_| format!("headers 1 to {height} are in {}", file.display()))
}

/// Only headers of the chain, with no more work than the ledger, give way to those of the ledger.
fn may_replace(context: &Context, reader: &LedgerReader, path: &Path) -> Outcome {
    let tip = reader.tip().map_err(|error| Failure::store(&context.ledger(), &error))?;
    let there = File::open(path).map_err(|error| Failure::input(path, &error))?;
    match HeaderFile::check(context.spec(), there) {
        Ok(there) if there.work > tip.work => Err(named_file::has_more(path, &tip, there.has(&tip.hash))),
        Ok(_) => Ok(()),
        Err(Problem::Read(error)) => Err(Failure::input(path, &error)),
        Err(Problem::Header(problem)) => Err(named_file::is_foreign("the headers of this chain", path, &problem)),
    }
}

/// Writes all headers; returns height and hash of the last.
fn write_headers(context: &Context, reader: &LedgerReader, out: &mut dyn Write, path: &Path) -> Outcome<(u32, Hash)> {
    let failed = |error| Failure::store(&context.ledger(), &error);
    let broken = |error: io::Error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::silent(Exit::Ok),
        _ => Failure::io("cannot write", path, &error),
    };
    let tip = reader.tip().map_err(failed)?;
    let mut out = BufWriter::new(out);
    let (mut height, mut previous) = (0u32, context.spec().genesis_hash());
    while height < tip.height {
        let page = reader.applied_from(height + 1, PAGE.min((tip.height - height) as usize)).map_err(failed)?;
        for header in &page {
            if header.previous != previous {
                return Err(Failure::reorganised());
            }
            (height, previous) = (header.height, header.hash());
            out.write_all(&header.to_bytes()).map_err(broken)?;
        }
        if page.is_empty() {
            return Err(Failure::reorganised());
        }
    }
    out.flush().map_err(broken)?;
    Ok((height, previous))
}

impl HeaderFile {
    /// Reads a file and checks each header by the chain's rules.
    pub(super) fn read(spec: &ChainSpec, path: &Path) -> Outcome<Self> {
        let file = File::open(path).map_err(|error| Failure::input(path, &error))?;
        Self::check(spec, file).map_err(|problem| match problem {
            Problem::Read(error) => Failure::input(path, &error),
            Problem::Header(problem) => {
                let advice = "make it with: tussock chain headers FILE";
                let name = path.display();
                Failure::new(Exit::Rejected, format!("not the headers of this chain: {name}: {problem}; {advice}"))
            }
        })
    }

    /// Reads on only while all is right, so that an endless file does no harm.
    fn check(spec: &ChainSpec, input: impl Read) -> Result<Self, Problem> {
        let genesis = &spec.genesis;
        let mut timeline = Timeline::new(spec.parameters.pause_cap, [genesis.header.time], 0);
        let mut parent = ParentFacts {
            hash: genesis.hash,
            height: 0,
            time: genesis.header.time,
            median_time: timeline.median_time(),
            paused: 0,
            work: spec.genesis_work(),
        };
        let (mut heights, mut last_work) = (HashMap::from([(genesis.hash, 0)]), LastWork::default());
        let now = UnixTime(units::unix_now());
        let mut input = BufReader::with_capacity(BUFFER_BYTES, input);
        let mut held = Vec::with_capacity(2 * MAX_HEADER_BYTES);
        loop {
            if held.len() < MAX_HEADER_BYTES {
                let missing = (MAX_HEADER_BYTES - held.len()) as u64;
                input.by_ref().take(missing).read_to_end(&mut held).map_err(Problem::Read)?;
            }
            if held.is_empty() {
                break;
            }
            let at = |what: String| Problem::Header(format!("header {}: {what}", parent.height.saturating_add(1)));
            let (header, used) = codec::decode_prefix::<Header>(&held).map_err(|error| at(error.to_string()))?;
            let hash = header.hash();
            rules::check_header(spec, &parent, &header, &hash).map_err(|fault| at(fault.to_string()))?;
            if rules::is_from_future(spec, &header, now) {
                return Err(at("it is from the future; check this host's clock".to_owned()));
            }
            let work = spec.seal_rules().chain_work(spec, parent.work, &header, &mut last_work);
            timeline.push(header.time);
            let (median_time, paused) = (timeline.median_time(), timeline.paused());
            parent = ParentFacts { hash, height: header.height, time: header.time, median_time, paused, work };
            heights.insert(hash, header.height);
            held.drain(..used);
        }
        Ok(Self { heights, height: parent.height, time: parent.time, work: parent.work })
    }

    /// Whether the chain has this block.
    pub(super) fn has(&self, hash: &Hash) -> bool {
        self.heights.contains_key(hash)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::chain::{key::SecretKey, testkit::BlockMaker};

    #[test]
    fn each_header_is_checked_on_the_one_before() {
        let spec = ChainSpec::dev();
        let mut maker = BlockMaker::new(Arc::new(spec.clone()));
        let headers: Vec<Header> =
            maker.empty_blocks(20, SecretKey::well_known(0).address()).into_iter().map(|block| block.header).collect();
        let bytes: Vec<u8> = headers.iter().flat_map(Header::to_bytes).collect();
        let file = HeaderFile::check(&spec, bytes.as_slice()).unwrap();
        assert_eq!((file.height, file.work), (20, maker.tip().work));
        assert!(headers.iter().all(|header| file.has(&header.hash())) && !file.has(&Hash([1; 32])));
        assert_eq!(HeaderFile::check(&spec, io::empty()).unwrap().height, 0);
        let wrong = |bytes: Vec<u8>| match HeaderFile::check(&spec, bytes.as_slice()).err().unwrap() {
            Problem::Header(problem) => problem,
            Problem::Read(error) => panic!("{error}"),
        };
        assert!(wrong(bytes[..bytes.len() - 1].to_vec()).starts_with("header 20:"));
        assert!(wrong(bytes[125..].to_vec()).starts_with("header 1:"));
        let mut other = bytes.clone();
        other[5 * 125 + 30] ^= 1;
        assert!(wrong(other).starts_with("header 6:"));
        assert!(HeaderFile::check(&spec, io::repeat(0)).is_err(), "endless");
    }
}
