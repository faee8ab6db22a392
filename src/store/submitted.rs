//! Payments of this node's users, in a file beside the ledger. The mempool is saved at a clean stop only, and what users were
//! told must survive a kill. A transaction of a peer is never written here: other nodes have it, too.
//!
//! Each record is the length of an encoding (`u32`, little-endian) and the encoding. A record that a crash has cut off is the
//! last one, and is ignored. The file is not flushed: a power failure may lose what came in the last seconds.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::{
    base::{bytes::Bytes, limits::MAX_TRANSACTION_BYTES},
    store::sharing::with_suffix,
};

/// The file's name, in the folder of the ledger.
const FILE: &str = "submitted.dat";
/// Bytes before each encoding.
const LENGTH_BYTES: usize = 4;

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

    /// All records in their order.
    pub(super) fn read(&self) -> io::Result<Vec<Bytes>> {
        match fs::read(&self.path) {
            Ok(bytes) => Ok(records(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Appends records.
    pub(super) fn append(&mut self, transactions: &[Bytes]) -> io::Result<()> {
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

    /// Replaces all records. Without any, there is no file.
    pub(super) fn replace(&mut self, transactions: &[Bytes]) -> io::Result<()> {
        self.file = None;
        if transactions.is_empty() {
            return match fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        }
        let new = with_suffix(&self.path, ".new");
        fs::write(&new, encoded(transactions))?;
        fs::rename(&new, &self.path)
    }
}

fn encoded(transactions: &[Bytes]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for transaction in transactions {
        // At most [`MAX_TRANSACTION_BYTES`].
        bytes.extend_from_slice(&u32::try_from(transaction.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(transaction);
    }
    bytes
}

/// The records up to the first that cannot be one.
fn records(mut bytes: &[u8]) -> Vec<Bytes> {
    let mut records = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_BYTES>() {
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        if length > MAX_TRANSACTION_BYTES {
            break;
        }
        let Some((record, rest)) = rest.split_at_checked(length) else { break };
        records.push(Bytes::from(record.to_vec()));
        bytes = rest;
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::TempDir;

    fn some(from: u8, count: u8) -> Vec<Bytes> {
        (from..from + count).map(|n| Bytes::from(vec![n; usize::from(n)])).collect()
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
            let expected = if end < 7 { vec![] } else { some(3, 1) };
            assert_eq!(file.read().unwrap(), expected, "{end} bytes");
        }
        fs::write(dir.join(FILE), [&whole[..7], &[0xff; 20]].concat()).unwrap();
        assert_eq!(file.read().unwrap(), some(3, 1));
    }
}
