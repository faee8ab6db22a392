//! A file with all headers of a chain, one after the other from the first above genesis: with it, receipts of a chain of
//! proof of work can be checked without a node. 125 bytes each.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::Path,
};

use serde_json::json;

use crate::{
    base::{codec, hash::Hash, time::UnixTime},
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
        offline, units,
    },
};

/// Headers read at a time.
const PAGE: usize = 1000;

/// The headers of a file, each valid on the one before.
pub(super) struct HeaderFile {
    heights: HashMap<Hash, u32>,
    /// The last one's.
    pub(super) height: u32,
    pub(super) time: u64,
    pub(super) work: Work,
}

/// Runs `chain headers`.
pub fn write(context: &Context, file: &Path) -> Outcome {
    let reader = offline::reader(context)?;
    let failed = |error| Failure::store(&context.ledger(), &error);
    let broken = |error| Failure::io("cannot write", file, &error);
    let tip = reader.tip().map_err(failed)?;
    let beside = file.with_extension("part");
    let mut out = BufWriter::new(File::create(&beside).map_err(broken)?);
    let mut previous = context.spec().genesis_hash();
    let mut height = 0u32;
    while height < tip.height {
        let page = reader.applied_from(height + 1, PAGE.min((tip.height - height) as usize)).map_err(failed)?;
        for header in &page {
            if header.previous != previous {
                return Err(Failure::new(Exit::Internal, "the chain was reorganised meanwhile; run the command again"));
            }
            previous = header.hash();
            height = header.height;
            out.write_all(&header.to_bytes()).map_err(broken)?;
        }
        if page.is_empty() {
            return Err(Failure::new(Exit::Internal, "the chain was reorganised meanwhile; run the command again"));
        }
    }
    let out = out.into_inner().map_err(|error| broken(error.into_error()))?;
    out.sync_all().map_err(broken)?;
    fs::rename(&beside, file).map_err(broken)?;
    let facts = json!({ "file": file.display().to_string(), "height": height, "tip": previous });
    context.print(&facts, |_| format!("headers 1 to {height} are in {}", file.display()))
}

impl HeaderFile {
    /// Reads a file and checks each header by the chain's rules.
    pub(super) fn read(spec: &ChainSpec, path: &Path) -> Outcome<Self> {
        let bytes = fs::read(path).map_err(|error| Failure::input(path, &error))?;
        Self::check(spec, &bytes).map_err(|problem| {
            let advice = "make it with: tussock chain headers FILE";
            Failure::new(
                Exit::Rejected,
                format!("not the headers of this chain: {}: {problem}; {advice}", path.display()),
            )
        })
    }

    fn check(spec: &ChainSpec, mut bytes: &[u8]) -> Result<Self, String> {
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
        while !bytes.is_empty() {
            let at = |what: String| format!("header {}: {what}", parent.height.saturating_add(1));
            let (header, used) = codec::decode_prefix::<Header>(bytes).map_err(|error| at(error.to_string()))?;
            let hash = header.hash();
            rules::check_header(spec, &parent, &header, &hash).map_err(|fault| at(fault.to_string()))?;
            if rules::is_from_future(spec, &header, now) {
                return Err(at("it is from the future; check this host's clock".to_owned()));
            }
            let work = spec.seal_rules().chain_work(parent.work, &header, &mut last_work);
            timeline.push(header.time);
            let (median_time, paused) = (timeline.median_time(), timeline.paused());
            parent = ParentFacts { hash, height: header.height, time: header.time, median_time, paused, work };
            heights.insert(hash, header.height);
            bytes = bytes.get(used..).unwrap_or_default();
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
        let file = HeaderFile::check(&spec, &bytes).unwrap();
        assert_eq!((file.height, file.work), (20, maker.tip().work));
        assert!(headers.iter().all(|header| file.has(&header.hash())) && !file.has(&Hash([1; 32])));
        assert_eq!(HeaderFile::check(&spec, &[]).unwrap().height, 0);
        let wrong = |bytes: Vec<u8>| HeaderFile::check(&spec, &bytes).err().unwrap();
        assert!(wrong(bytes[..bytes.len() - 1].to_vec()).starts_with("header 20:"));
        assert!(wrong(bytes[125..].to_vec()).starts_with("header 1:"));
        let mut other = bytes.clone();
        other[5 * 125 + 30] ^= 1;
        assert!(wrong(other).starts_with("header 6:"));
    }
}
