//! What a node of a test chain keeps for its operators, over restarts: how far its clock is set off, and to where the chain can be brought
//! back.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

use crate::{
    base::{
        bytes::Bytes,
        hash::{Hash, hex, unhex},
    },
    chain::archive::Tip,
    rpc::error::{self, RpcError},
    runtime::clock,
    wallet::files::{self, Existing},
};

/// The file's name, in the chain's folder.
pub const FILE: &str = "test-chain.json";
/// Snapshots that are kept at most. A program that takes one for each of its tests goes back to it, which drops all later ones.
const MOST_SNAPSHOTS: usize = 1_000;
/// Blocks that gave way which are remembered, and of those that were set aside.
const MOST_LEFT: usize = 2_000;
/// Bytes of the transactions in all of them.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// Seconds by which the clock may be set off: a hundred years.
pub const MAX_SHIFT: u64 = 100 * 366 * 86_400;

/// Puts blocks at the end of a list, each once. Of too many the oldest are forgotten.
fn append(list: &mut Vec<Hash>, blocks: &[Hash]) {
    list.retain(|other| !blocks.contains(other));
    list.extend(blocks);
    list.drain(..list.len().saturating_sub(MOST_LEFT));
}

/// What is kept.
pub struct TestChain {
    path: PathBuf,
    kept: Mutex<Kept>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    /// Seconds by which the node's clock is ahead of the host's.
    clock_shift_s: i64,
    /// The last number given to a snapshot.
    last: u64,
    snapshots: Vec<TestSnapshot>,
    /// The snapshot that the ledger is being brought back to. A start finds out whether it was.
    reverting: Option<u64>,
    /// Blocks that gave way, which the ledger still counts as branches.
    left: Vec<Hash>,
    /// Blocks that operators have set aside, each the first of a branch. One that counts again may still be here.
    aside: Vec<Hash>,
}

/// A state of the chain to come back to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestSnapshot {
    /// Its number. None is given twice.
    pub id: u64,
    /// The last block.
    pub tip: Hash,
    /// Its height.
    pub height: u32,
    /// How far the clock was set off.
    pub clock_shift_s: i64,
    /// The mempool's transactions in hex, ancestors before descendants.
    mempool: Vec<String>,
}

impl TestSnapshot {
    /// The mempool's transactions.
    pub fn mempool(&self) -> Vec<Bytes> {
        self.mempool.iter().filter_map(|text| Some(unhex(text)?.into())).collect()
    }
}

impl Kept {
    fn read(path: &Path) -> Result<Self, String> {
        let Ok(bytes) = fs::read(path) else { return Ok(Self::default()) };
        match serde_json::from_slice::<Self>(&bytes) {
            Ok(kept) if kept.clock_shift_s.unsigned_abs() > MAX_SHIFT => Err("the clock is set too far off".to_owned()),
            Ok(kept) => Ok(kept),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// How far the node's clock is set off, as an earlier run left it. `tip`: the ledger's last block. If that run was killed after the
/// ledger was brought back to a snapshot, and before the rest was, the rest is done now.
pub fn settle(folder: &Path, tip: &Hash) -> i64 {
    let kept = TestChain::open(folder);
    let reverting = kept.lock().reverting;
    if let Some(snapshot) = reverting.and_then(|id| kept.find(id)) {
        let shift = if snapshot.tip == *tip { snapshot.clock_shift_s } else { kept.lock().clock_shift_s };
        let id = if snapshot.tip == *tip { snapshot.id } else { u64::MAX };
        if let Err(error) = kept.end_revert(id, shift) {
            log::warn!("test chain: cannot end a revert error=\"{}\"", error.message);
        }
    }
    kept.lock().clock_shift_s
}

impl TestChain {
    /// What an earlier run left in the chain's folder. A file that is damaged is renamed, and numbers go on above any that it can have
    /// given.
    pub fn open(folder: &Path) -> Self {
        let path = folder.join(FILE);
        let read = Kept::read(&path);
        let kept = Self { kept: Mutex::new(read.clone().unwrap_or_default()), path };
        if let Err(wrong) = read {
            let aside = kept.path.with_extension("json.damaged");
            log::warn!("test chain: the snapshots are set aside file={} error=\"{wrong}\"", aside.display());
            let begun = Kept { last: clock::unix_now().0, ..Kept::default() };
            let put = fs::rename(&kept.path, &aside).map_err(|error| error.to_string());
            if let Err(error) = put.and_then(|()| kept.put(begun).map_err(|error| error.message)) {
                log::warn!("test chain: cannot set the snapshots aside error=\"{error}\"");
            }
        }
        kept
    }

    /// Keeps a snapshot; returns it.
    pub fn take(&self, tip: &Tip, mempool: &[Bytes]) -> Result<TestSnapshot, RpcError> {
        let mut kept = self.lock().clone();
        let bytes = |list: &[String]| list.iter().map(String::len).sum::<usize>() / 2;
        let mempool: Vec<String> = mempool.iter().map(|one| hex(one)).collect();
        let all = kept.snapshots.iter().map(|one| bytes(&one.mempool)).sum::<usize>() + bytes(&mempool);
        if kept.snapshots.len() >= MOST_SNAPSHOTS || all > MOST_BYTES {
            let text = format!("{} snapshots are kept, and no more are; revert to an early one", kept.snapshots.len());
            return Err(RpcError::new(error::REJECTED, text));
        }
        kept.last = kept.last.checked_add(1).ok_or_else(|| RpcError::new(error::REJECTED, "no number is left"))?;
        let (id, clock_shift_s) = (kept.last, kept.clock_shift_s);
        let snapshot = TestSnapshot { id, tip: tip.hash, height: tip.height, clock_shift_s, mempool };
        kept.snapshots.push(snapshot.clone());
        self.put(kept)?;
        Ok(snapshot)
    }

    /// The snapshot with this number.
    pub fn find(&self, id: u64) -> Option<TestSnapshot> {
        self.lock().snapshots.iter().find(|one| one.id == id).cloned()
    }

    /// All snapshots, the oldest first.
    pub fn all(&self) -> Vec<TestSnapshot> {
        self.lock().snapshots.clone()
    }

    /// Notes that the ledger is about to be brought back to a snapshot.
    pub fn begin_revert(&self, id: u64) -> Result<(), RpcError> {
        let kept = Kept { reverting: Some(id), ..self.lock().clone() };
        self.put(kept)
    }

    /// The ledger is back: forgets the snapshots that were taken after this one, and sets the clock.
    pub fn end_revert(&self, id: u64, shift: i64) -> Result<(), RpcError> {
        let mut kept = Kept { reverting: None, clock_shift_s: shift, ..self.lock().clone() };
        kept.snapshots.retain(|one| one.id <= id);
        self.put(kept)?;
        clock::set_shift(shift);
        Ok(())
    }

    /// Blocks that gave way in reorganisations.
    pub fn left(&self) -> Vec<Hash> {
        self.lock().left.clone()
    }

    /// These blocks give way in a reorganisation.
    pub fn note_left(&self, removed: &[Hash]) -> Result<(), RpcError> {
        let mut kept = self.lock().clone();
        append(&mut kept.left, removed);
        self.put(kept)
    }

    /// Whether an operator has set this block aside, as the first of a branch.
    pub fn is_aside(&self, block: &Hash) -> bool {
        self.lock().aside.contains(block)
    }

    /// These blocks do not count any more, because an operator wants so.
    pub fn note_aside(&self, blocks: &[Hash]) -> Result<(), RpcError> {
        if blocks.is_empty() {
            return Ok(());
        }
        let mut kept = self.lock().clone();
        append(&mut kept.aside, blocks);
        self.put(kept)
    }

    /// Sets the node's clock off the host's, now and after the next start.
    pub fn set_clock(&self, shift: i64) -> Result<(), RpcError> {
        let kept = Kept { clock_shift_s: shift, ..self.lock().clone() };
        self.put(kept)?;
        clock::set_shift(shift);
        Ok(())
    }

    fn put(&self, kept: Kept) -> Result<(), RpcError> {
        let text = serde_json::to_string(&kept).map_err(|error| RpcError::internal(error.to_string()))?;
        files::write(&self.path, text.as_bytes(), Existing::Replace)?;
        *self.lock() = kept;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::spec::ChainSpec;

    #[test]
    fn snapshots_are_kept_over_a_restart_and_later_ones_go_with_a_return() {
        let folder = std::env::temp_dir().join(format!("tussock-test-chain-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (tip, waiting) = (ChainSpec::dev().genesis_tip(), [Bytes::from(vec![1, 2]), Bytes::from(vec![3])]);
        let kept = TestChain::open(&folder);
        let first = kept.take(&tip, &waiting).unwrap();
        assert_eq!((first.id, first.tip, first.mempool()), (1, tip.hash, waiting.to_vec()));
        assert_eq!(kept.take(&tip, &[]).unwrap().id, 2);
        let kept = TestChain::open(&folder);
        assert_eq!(kept.find(1), Some(first));
        kept.begin_revert(1).unwrap();
        assert_eq!(
            (settle(&folder, &Hash([9; 32])), TestChain::open(&folder).all().len()),
            (0, 2),
            "the ledger was not back"
        );
        kept.begin_revert(1).unwrap();
        assert_eq!(settle(&folder, &tip.hash), 0);
        let kept = TestChain::open(&folder);
        assert_eq!((kept.find(2), kept.all().len()), (None, 1));
        assert_eq!(TestChain::open(&folder).take(&tip, &[]).unwrap().id, 3, "no number is given twice");
        let blocks = [Hash([7; 32]), Hash([8; 32])];
        let removed: Vec<Hash> =
            (0..1_500u32).map(|number| crate::base::hash::Domain::MEMO.hash(&number.to_le_bytes())).collect();
        for removed in [&removed[..1_000], &removed[500..], &[blocks[0]], &removed[..1_000]] {
            kept.note_left(removed).unwrap();
        }
        let left = TestChain::open(&folder).left();
        assert_eq!((left.len(), left.last(), left.contains(&blocks[0])), (1_501, removed.get(999), true), "each once");
        kept.note_aside(&blocks).unwrap();
        kept.note_aside(&blocks[1..]).unwrap();
        let kept = TestChain::open(&folder);
        assert!(blocks.iter().all(|block| kept.is_aside(block)) && !kept.is_aside(&tip.hash));
        let large = [Bytes::from(vec![0; MOST_BYTES])];
        assert_eq!(kept.take(&tip, &large).unwrap_err().code, error::REJECTED);
        for damaged in ["{", r#"{"clock_shift_s":1000000000000000000,"last":1,"snapshots":[]}"#] {
            fs::write(folder.join(FILE), damaged).unwrap();
            let kept = TestChain::open(&folder);
            assert_eq!((kept.all(), settle(&folder, &tip.hash)), (vec![], 0));
            assert!(kept.take(&tip, &[]).unwrap().id > 1_000_000, "no number is given twice");
            assert_eq!(fs::read_to_string(folder.join("test-chain.json.damaged")).unwrap(), damaged);
        }
        fs::write(folder.join(FILE), format!(r#"{{"last":{}}}"#, u64::MAX)).unwrap();
        assert_eq!(TestChain::open(&folder).take(&tip, &[]).unwrap_err().code, error::REJECTED);
        fs::remove_dir_all(folder).unwrap();
    }
}
