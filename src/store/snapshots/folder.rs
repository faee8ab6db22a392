//! The files of snapshots, on a disk or in memory.

use std::{
    collections::BTreeMap,
    fmt::Debug,
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::chain::archive::StoreError;

/// A folder of files that are written in place. What was written survives a kill. Nothing waits for the disk: after a power loss any
/// of it may be missing, so whoever reads compares checksums.
pub(in crate::store) trait Folder: Send + Debug {
    /// Bytes of a file; `None`: there is none.
    fn length(&self, name: &str) -> Result<Option<u64>, StoreError>;
    /// So many bytes of a file; `None`: they are not there.
    fn read(&self, name: &str, offset: u64, length: usize) -> Result<Option<Vec<u8>>, StoreError>;
    /// Writes into a file, which is made if there is none.
    fn write(&mut self, name: &str, offset: u64, bytes: &[u8]) -> Result<(), StoreError>;
    /// Makes or cuts a file; what is new is zero.
    fn resize(&mut self, name: &str, length: u64) -> Result<(), StoreError>;
    /// Gives a file another name, in place of the file that has it.
    fn rename(&mut self, from: &str, to: &str) -> Result<(), StoreError>;
    /// Removes a file; there may be none.
    fn remove(&mut self, name: &str) -> Result<(), StoreError>;
    /// All files.
    fn names(&self) -> Result<Vec<String>, StoreError>;
}

/// A folder on a disk. It is made with the first file.
#[derive(Clone, Debug)]
pub(in crate::store) struct DiskFolder(PathBuf);

impl DiskFolder {
    pub(in crate::store) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    fn failed(&self, name: &str, error: &io::Error) -> StoreError {
        StoreError::Io(format!("{}: {error}", self.0.join(name).display()))
    }

    /// The result of work on a file; `None`: there is no such file.
    fn try_file<T>(&self, name: &str, work: impl FnOnce(&Path) -> io::Result<T>) -> Result<Option<T>, StoreError> {
        match work(&self.0.join(name)) {
            Ok(done) => Ok(Some(done)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(name, &error)),
        }
    }

    fn in_file<T>(&self, name: &str, work: impl FnOnce(&mut File) -> io::Result<T>) -> Result<T, StoreError> {
        let open = || {
            fs::create_dir_all(&self.0)?;
            let mut file = File::options().write(true).create(true).truncate(false).open(self.0.join(name))?;
            work(&mut file)
        };
        open().map_err(|error| self.failed(name, &error))
    }
}

impl Folder for DiskFolder {
    fn length(&self, name: &str) -> Result<Option<u64>, StoreError> {
        // What is no file is nothing of ours.
        let length = self.try_file(name, |path| Ok(Some(fs::metadata(path)?).filter(fs::Metadata::is_file)))?;
        Ok(length.flatten().map(|about| about.len()))
    }

    fn read(&self, name: &str, offset: u64, length: usize) -> Result<Option<Vec<u8>>, StoreError> {
        let read = self.try_file(name, |path| {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(offset))?;
            let mut bytes = vec![0; length];
            match file.read_exact(&mut bytes) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
                read => read.map(|()| Some(bytes)),
            }
        })?;
        Ok(read.flatten())
    }

    fn write(&mut self, name: &str, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        self.in_file(name, |file| {
            file.seek(SeekFrom::Start(offset))?;
            file.write_all(bytes)
        })
    }

    fn resize(&mut self, name: &str, length: u64) -> Result<(), StoreError> {
        self.in_file(name, |file| file.set_len(length))
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), StoreError> {
        fs::rename(self.0.join(from), self.0.join(to)).map_err(|error| self.failed(to, &error))
    }

    fn remove(&mut self, name: &str) -> Result<(), StoreError> {
        self.try_file(name, |path| fs::remove_file(path)).map(|_| ())
    }

    fn names(&self) -> Result<Vec<String>, StoreError> {
        let names = self.try_file("", |path| {
            let mut names = Vec::new();
            for entry in fs::read_dir(path)? {
                let entry = entry?;
                if entry.file_type()?.is_file() {
                    names.push(entry.file_name().to_string_lossy().into_owned());
                }
            }
            Ok(names)
        })?;
        Ok(names.unwrap_or_default())
    }
}

/// A folder in memory. Clones share it.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct MemoryFolder(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

/// What a power loss takes or leaves.
const DISK_PAGE_BYTES: usize = 4096;

impl MemoryFolder {
    /// Takes every other page of each file.
    pub(in crate::store) fn lose_power(&self) {
        let mut files = self.lock();
        let pages = files.values_mut().flat_map(|bytes| bytes.chunks_mut(DISK_PAGE_BYTES).step_by(2));
        pages.for_each(|page| page.fill(0));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Folder for MemoryFolder {
    fn length(&self, name: &str) -> Result<Option<u64>, StoreError> {
        Ok(self.lock().get(name).map(|bytes| bytes.len() as u64))
    }

    fn read(&self, name: &str, offset: u64, length: usize) -> Result<Option<Vec<u8>>, StoreError> {
        let files = self.lock();
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = files.get(name).and_then(|bytes| bytes.get(start..)?.get(..length));
        Ok(bytes.map(<[u8]>::to_vec))
    }

    fn write(&mut self, name: &str, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let mut files = self.lock();
        let file = files.entry(name.to_owned()).or_default();
        let start = usize::try_from(offset).map_err(|_| StoreError::Io("the memory is full".to_owned()))?;
        let end = start + bytes.len();
        if file.len() < end {
            file.resize(end, 0);
        }
        file[start..end].copy_from_slice(bytes);
        Ok(())
    }

    fn resize(&mut self, name: &str, length: u64) -> Result<(), StoreError> {
        let length = usize::try_from(length).map_err(|_| StoreError::Io("the memory is full".to_owned()))?;
        self.lock().entry(name.to_owned()).or_default().resize(length, 0);
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), StoreError> {
        let mut files = self.lock();
        let file = files.remove(from).ok_or_else(|| StoreError::Io(format!("there is no file {from}")))?;
        files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&mut self, name: &str) -> Result<(), StoreError> {
        self.lock().remove(name);
        Ok(())
    }

    fn names(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.lock().keys().cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::TempDir;

    #[test]
    fn both_folders_do_the_same() {
        let dir = TempDir::new();
        let mut folders: [Box<dyn Folder>; 2] =
            [Box::new(DiskFolder::new(&dir.join("snapshots"))), Box::<MemoryFolder>::default()];
        for folder in &mut folders {
            assert!(folder.names().unwrap().is_empty());
            assert_eq!((folder.length("a").unwrap(), folder.read("a", 0, 0).unwrap()), (None, None));
            folder.remove("a").unwrap();
            folder.resize("a", 9).unwrap();
            folder.write("a", 7, b"xyz").unwrap();
            folder.write("b", 0, b"b").unwrap();
            assert_eq!(folder.read("a", 5, 4).unwrap(), Some(b"\0\0xy".to_vec()));
            assert_eq!((folder.read("a", 7, 4).unwrap(), folder.length("a").unwrap()), (None, Some(10)));
            folder.rename("a", "b").unwrap();
            assert_eq!((folder.names().unwrap(), folder.length("b").unwrap()), (vec!["b".to_owned()], Some(10)));
            assert!(folder.rename("a", "c").is_err());
            folder.resize("b", 8).unwrap();
            assert_eq!(folder.read("b", 7, 1).unwrap(), Some(b"x".to_vec()));
            folder.remove("b").unwrap();
            assert!(folder.names().unwrap().is_empty());
        }
    }

    #[test]
    fn what_is_no_file_is_nothing() {
        let dir = TempDir::new();
        let folder = DiskFolder::new(&dir.join("snapshots"));
        fs::create_dir_all(dir.join("snapshots").join("800.manifest")).unwrap();
        assert!(folder.names().unwrap().is_empty());
        assert_eq!(folder.length("800.manifest").unwrap(), None);
    }

    #[test]
    fn power_loss_in_memory_takes_pages_of_files() {
        let mut folder = MemoryFolder::default();
        folder.write("a", 0, &[1; 9000]).unwrap();
        folder.lose_power();
        let (page, rest) = (DISK_PAGE_BYTES, 9000 - 2 * DISK_PAGE_BYTES);
        assert_eq!(folder.read("a", 0, 9000).unwrap(), Some([vec![0; page], vec![1; page], vec![0; rest]].concat()));
    }
}
