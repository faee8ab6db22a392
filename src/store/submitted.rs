//! Payments of this node's users, in a file beside the ledger. The mempool is saved at a clean stop only, and what users were
//! told must survive a kill. A transaction of a peer is never written here: other nodes have it, too.
//!
//! Each record is the length of an encoding (`u32`, little-endian), when it was submitted (Unix seconds, `u64`,
//! little-endian) and the encoding. A record that a crash has cut off is the
//! last one, and is removed before others follow. A file with anything else that is no record is set aside. The file is not
//! flushed: a power failure may lose what came in the last seconds.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::{
    base::{
        bytes::Bytes,
        hash::Hash,
        limits::{MAX_TRANSACTION_BYTES, MEMPOOL_BYTES},
        time::UnixTime,
    },
    chain::{archive::Submission, block::HashedTransaction},
    store::{sharing::with_suffix, small_file},
};

/// The file's name, in the folder of the ledger.
const FILE: &str = "submitted.dat";
/// Where a file goes that cannot be read to its end, so that nothing in it is lost.
const ASIDE: &str = ".damaged";
/// Files that are set aside; only the last of them is replaced. A disk that damages each file must not be filled, too.
const MOST_ASIDE: u32 = 9;
/// Bytes of the length that each record starts with.
const LENGTH_BYTES: usize = 4;
/// Bytes of the time behind it.
const TIME_BYTES: usize = 8;
/// A larger file is damaged: the payments of users are a part of the mempool, which may be sixteen times as large as usual.
const MOST_BYTES: usize = 16 * MEMPOOL_BYTES;

/// The file.
#[derive(Debug)]
pub(super) struct SubmittedFile {
    path: PathBuf,
    /// Open since the first record.
    file: Option<File>,
}

impl SubmittedFile {
    /// The file of a ledger. Nothing is opened yet.
    pub(super) fn beside(ledger: &Path) -> Self {
        Self { path: ledger.with_file_name(FILE), file: None }
    }

    /// All records in their order. What comes later is appended behind the last of them.
    pub(super) fn read(&self) -> io::Result<Vec<Submission>> {
        let bytes = match self.bytes() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => {
                log::warn!("submitted transactions cannot be read path={} error=\"{error}\"", self.path.display());
                self.set_aside()?;
                return Ok(Vec::new());
            }
        };
        let (records, end) = records(&bytes);
        match &bytes[end..] {
            [] => {}
            rest if is_cut_off(rest) => File::options().write(true).open(&self.path)?.set_len(end as u64)?,
            rest => {
                log::warn!("submitted transactions are damaged path={} bytes={}", self.path.display(), rest.len());
                self.set_aside()?;
                write(&self.path, &records)?;
            }
        }
        Ok(records)
    }

    fn bytes(&self) -> io::Result<Vec<u8>> {
        small_file::read_bytes(&self.path, MOST_BYTES)
    }

    /// Renames the file. Files that were set aside before keep their names.
    fn set_aside(&self) -> io::Result<()> {
        let name = |number: u32| match number {
            1 => with_suffix(&self.path, ASIDE),
            more => with_suffix(&self.path, &format!("{ASIDE}.{more}")),
        };
        let aside = (1..MOST_ASIDE).map(name).find(|path| !path.exists()).unwrap_or_else(|| name(MOST_ASIDE));
        log::warn!("set aside path={}", aside.display());
        fs::rename(&self.path, &aside)
    }

    /// Appends records.
    pub(super) fn append(&mut self, transactions: &[Submission]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(File::options().append(true).create(true).open(&self.path)?),
        };
        let before = file.metadata()?.len();
        let written = file.write_all(&encoded(transactions));
        if written.is_err() {
            // A half record would hide those that follow. If it stays, the next start finds what is before it.
            drop(file.set_len(before));
        }
        written
    }

    /// Drops all records but those of these transactions. Without any, there is no file.
    pub(super) fn retain(&mut self, txids: &BTreeSet<Hash>) -> io::Result<()> {
        let mut transactions = self.read()?;
        let before = transactions.len();
        transactions
            .retain(|one| HashedTransaction::decode(&one.bytes).is_ok_and(|hashed| txids.contains(&hashed.txid)));
        if transactions.len() == before && before > 0 {
            return Ok(());
        }
        self.replace(&transactions)
    }

    fn replace(&mut self, transactions: &[Submission]) -> io::Result<()> {
        self.file = None;
        if transactions.is_empty() {
            return match fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        }
        write(&self.path, transactions)
    }
}

/// Writes a file of these records in place of the one that is there.
fn write(path: &Path, transactions: &[Submission]) -> io::Result<()> {
    let new = with_suffix(path, ".new");
    fs::write(&new, encoded(transactions))?;
    fs::rename(&new, path)
}

fn encoded(transactions: &[Submission]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for Submission { since, bytes: transaction } in transactions {
        // At most [`MAX_TRANSACTION_BYTES`].
        bytes.extend_from_slice(&u32::try_from(transaction.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(&since.0.to_le_bytes());
        bytes.extend_from_slice(transaction);
    }
    bytes
}

/// The records up to the first that cannot be one, and where they end.
fn records(bytes: &[u8]) -> (Vec<Submission>, usize) {
    let (mut records, mut rest) = (Vec::new(), bytes);
    while let Some((record, after)) = record(rest) {
        records.push(record);
        rest = after;
    }
    (records, bytes.len() - rest.len())
}

/// The record that these bytes start with, and what is behind it.
fn record(bytes: &[u8]) -> Option<(Submission, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH_BYTES>()?;
    let (since, rest) = rest.split_first_chunk::<TIME_BYTES>()?;
    let (transaction, rest) = rest.split_at_checked(length_of(*length)?)?;
    let since = UnixTime(u64::from_le_bytes(*since));
    Some((Submission { since, bytes: Bytes::from(transaction.to_vec()) }, rest))
}

/// The length that stands before a record, if a transaction may have it.
fn length_of(bytes: [u8; LENGTH_BYTES]) -> Option<usize> {
    let length = usize::try_from(u32::from_le_bytes(bytes)).ok()?;
    (1..=MAX_TRANSACTION_BYTES).contains(&length).then_some(length)
}

/// Whether these bytes are the beginning of a record.
fn is_cut_off(rest: &[u8]) -> bool {
    rest.first_chunk().is_none_or(|length| length_of(*length).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::TempDir;

    fn some(from: u8, count: u8) -> Vec<Submission> {
        let one = |n: u8| Submission { since: UnixTime(n.into()), bytes: Bytes::from(vec![n; usize::from(n)]) };
        (from..from + count).map(one).collect()
    }

    #[test]
    fn records_are_appended_replaced_and_gone() {
        let dir = TempDir::new();
        let mut file = SubmittedFile::beside(&dir.join("ledger.db"));
        assert!(file.read().unwrap().is_empty());
        file.replace(&[]).unwrap();
        file.append(&some(1, 2)).unwrap();
        file.append(&some(3, 1)).unwrap();
        assert_eq!(file.read().unwrap(), some(1, 3));
        file.replace(&some(5, 2)).unwrap();
        file.append(&some(7, 1)).unwrap();
        assert_eq!(SubmittedFile::beside(&dir.join("ledger.db")).read().unwrap(), some(5, 3));
        file.replace(&[]).unwrap();
        assert!(!dir.join(FILE).exists());
    }

    #[test]
    fn what_a_crash_cut_off_hides_nothing_before_it() {
        let dir = TempDir::new();
        let mut file = SubmittedFile::beside(&dir.join("ledger.db"));
        file.append(&some(3, 2)).unwrap();
        let whole = fs::read(dir.join(FILE)).unwrap();
        for end in 0..whole.len() {
            fs::write(dir.join(FILE), &whole[..end]).unwrap();
            let expected = if end < 15 { vec![] } else { some(3, 1) };
            assert_eq!(file.read().unwrap(), expected, "{end} bytes");
        }
    }

    #[test]
    fn records_behind_a_cut_off_or_damaged_one_are_read_again() {
        let whole = encoded(&some(3, 2));
        for (damaged, kept) in [
            (whole[..5].to_vec(), 0),
            (whole[..13].to_vec(), 0),
            (whole[..18].to_vec(), 1),
            (vec![0xff; 4], 0),
            (vec![0; 5000], 0),
            ([&whole[..15], &[0xff; 20][..]].concat(), 1),
        ] {
            let dir = TempDir::new();
            let mut file = SubmittedFile::beside(&dir.join("ledger.db"));
            fs::write(dir.join(FILE), &damaged).unwrap();
            assert_eq!(file.read().unwrap(), some(3, kept), "{damaged:?}");
            file.append(&some(9, 1)).unwrap();
            assert_eq!(file.read().unwrap(), [some(3, kept), some(9, 1)].concat(), "{damaged:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_set_aside() {
        for make in [
            |path: &Path| fs::create_dir(path).unwrap(),
            |path: &Path| {
                File::create(path).unwrap().set_len(MOST_BYTES as u64 + 1).unwrap();
            },
        ] {
            let dir = TempDir::new();
            make(&dir.join(FILE));
            let mut file = SubmittedFile::beside(&dir.join("ledger.db"));
            assert!(file.read().unwrap().is_empty());
            assert!(dir.join("submitted.dat.damaged").exists());
            file.append(&some(9, 1)).unwrap();
            assert_eq!(file.read().unwrap(), some(9, 1));
            fs::remove_file(dir.join(FILE)).unwrap();
            (0..20).for_each(|_| {
                make(&dir.join(FILE));
                // A folder cannot take the last one's place.
                drop(file.read());
                drop(fs::remove_dir(dir.join(FILE)));
            });
            assert!(dir.join("submitted.dat.damaged.2").exists() && !dir.join("submitted.dat.damaged.10").exists());
        }
    }
}
