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
const FILE: &str = "test-chain.json";
/// Snapshots that are kept at most. A program that takes one for each of its tests goes back to it, which drops all later ones.
const MOST_SNAPSHOTS: usize = 1_000;
/// Bytes of the transactions in all of them.
const MOST_BYTES: usize = 16 * 1024 * 1024;

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

/// How far the node's clock is set off, as an earlier run left it.
pub fn clock_shift(folder: &Path) -> i64 {
    TestChain::open(folder).lock().clock_shift_s
}

impl TestChain {
    /// What an earlier run left in the chain's folder. A file that cannot be read tells nothing.
    pub fn open(folder: &Path) -> Self {
        let path = folder.join(FILE);
        let kept = fs::read(&path).ok().map(|bytes| {
            serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                log::warn!("test chain: the snapshots cannot be read file={FILE} error=\"{error}\"");
                Kept::default()
            })
        });
        Self { path, kept: Mutex::new(kept.unwrap_or_default()) }
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
        kept.last += 1;
        let snapshot = TestSnapshot {
            id: kept.last,
            tip: tip.hash,
            height: tip.height,
            clock_shift_s: kept.clock_shift_s,
            mempool,
        };
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

    /// Forgets those that were taken after this one: the chain is back before them.
    pub fn forget_after(&self, id: u64) -> Result<(), RpcError> {
        let mut kept = self.lock().clone();
        kept.snapshots.retain(|one| one.id <= id);
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
        kept.forget_after(1).unwrap();
        assert_eq!((kept.find(2), kept.all().len()), (None, 1));
        assert_eq!(TestChain::open(&folder).take(&tip, &[]).unwrap().id, 3, "no number is given twice");
        let large = [Bytes::from(vec![0; MOST_BYTES])];
        assert_eq!(kept.take(&tip, &large).unwrap_err().code, error::REJECTED);
        fs::write(folder.join(FILE), "{").unwrap();
        assert_eq!((TestChain::open(&folder).all(), clock_shift(&folder)), (vec![], 0));
        fs::remove_dir_all(folder).unwrap();
    }
}
