//! A kill at each write: of a snapshot that is made, and of one that is fetched.

use super::*;
use crate::store::snapshots::folder::MemoryFolder;

/// A folder whose process is killed at one of its changes, which may be done in part.
#[derive(Debug)]
struct Dying {
    folder: MemoryFolder,
    /// Changes until then.
    left: usize,
}

impl Dying {
    fn change(
        &mut self,
        part: impl FnOnce(&mut MemoryFolder) -> Result<(), StoreError>,
        whole: impl FnOnce(&mut MemoryFolder) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                whole(&mut self.folder)
            }
            None => part(&mut self.folder).and(Err(StoreError::Io("killed".to_owned()))),
        }
    }
}

impl Folder for Dying {
    fn length(&self, name: &str) -> Result<Option<u64>, StoreError> {
        self.folder.length(name)
    }

    fn read(&self, name: &str, offset: u64, length: usize) -> Result<Option<Vec<u8>>, StoreError> {
        self.folder.read(name, offset, length)
    }

    fn write(&mut self, name: &str, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let part = &bytes[..bytes.len() / 2];
        self.change(|folder| folder.write(name, offset, part), |folder| folder.write(name, offset, bytes))
    }

    fn resize(&mut self, name: &str, length: u64) -> Result<(), StoreError> {
        self.change(|_| Ok(()), |folder| folder.resize(name, length))
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), StoreError> {
        self.change(|_| Ok(()), |folder| folder.rename(from, to))
    }

    fn remove(&mut self, name: &str) -> Result<(), StoreError> {
        self.change(|_| Ok(()), |folder| folder.remove(name))
    }

    fn names(&self) -> Result<Vec<String>, StoreError> {
        self.folder.names()
    }
}

/// A process on a folder that is killed at a change, or never.
fn process(folder: &MemoryFolder, left: usize, ledger: &SharedLedger) -> Result<SnapshotDb, StoreError> {
    let mut db = SnapshotDb::load(Box::new(Dying { folder: folder.clone(), left }), Box::new(ledger.clone()))?;
    db.step_coins = 7;
    Ok(db)
}

/// All complete snapshots are right.
fn assert_right(snapshots: &mut SnapshotDb, chain: &Chain<'_>) {
    for name in snapshots.snapshots() {
        let (manifest, bytes) = chain.expected(name.height);
        assert_eq!(snapshots.manifest(&name.block).unwrap(), Some(manifest));
        assert_eq!(bytes_of(snapshots, &name.block), bytes);
    }
}

#[test]
fn one_that_is_made_is_complete_or_not_there_and_is_made_again() {
    let mut ledger = SharedLedger::in_memory(dev_maker().spec()).unwrap();
    let shared = ledger.clone();
    let chain = Chain::new(&mut ledger, 20);
    let [first, second, third] = [5, 10, 15].map(|height| chain.name(height));
    let mut kills = 0;
    loop {
        let folder = MemoryFolder::default();
        let mut before = process(&folder, usize::MAX, &shared).unwrap();
        assert_eq!([first, second].map(|name| write(&mut before, name)), [first, second].map(Writing::Done));
        let made = process(&folder, kills, &shared).and_then(|mut snapshots| {
            snapshots.begin(third)?;
            loop {
                match snapshots.step()? {
                    Writing::More(_) => {}
                    other => return Ok(other),
                }
            }
        });
        let mut after = process(&folder, usize::MAX, &shared).unwrap();
        let there = after.snapshots();
        assert!(there.contains(&second) && there.len() == 2, "{there:?}");
        assert_right(&mut after, &chain);
        assert!(folder.names().unwrap().len() == 4, "no rubbish is left: {:?}", folder.names());
        if let Ok(done) = made {
            assert_eq!((done, there), (Writing::Done(third), vec![second, third]));
            break;
        }
        assert_eq!(write(&mut after, third), Writing::Done(third));
        assert_right(&mut after, &chain);
        kills += 1;
    }
    assert!(kills > 50, "{kills} kills");
}

#[test]
fn one_that_is_fetched_goes_on_with_what_is_here() {
    let mut ledger = SharedLedger::in_memory(dev_maker().spec()).unwrap();
    let shared = ledger.clone();
    let chain = Chain::new(&mut ledger, 20);
    let (manifest, bytes) = chain.expected(15);
    let pieces = pieces_of(&manifest, &bytes);
    let fetch = |snapshots: &mut SnapshotDb| -> Result<usize, StoreError> {
        let here = snapshots.stage(&manifest)?.here;
        let missing = (0u32..).zip(&pieces).zip(&here).filter(|(_, here)| !**here);
        missing.clone().try_for_each(|((number, piece), _)| snapshots.put_piece(number, piece))?;
        let fetched = missing.count();
        snapshots.keep_staged()?;
        Ok(fetched)
    };
    let (mut kills, mut fetched) = (0, Vec::new());
    loop {
        let folder = MemoryFolder::default();
        let first = process(&folder, kills, &shared).and_then(|mut snapshots| fetch(&mut snapshots));
        let mut after = process(&folder, usize::MAX, &shared).unwrap();
        if after.snapshots().is_empty() {
            let staged = after.staged().unwrap().map(|staged| staged.here).unwrap_or_default();
            for number in (0u32..).zip(&staged).filter(|(_, here)| **here).map(|(number, _)| number) {
                let piece = after.staged_piece(number).unwrap();
                assert!(piece.is_none_or(|piece| *piece == *pieces[number as usize]), "it is right, or fetched again");
            }
            fetched.push(fetch(&mut after).unwrap());
        }
        assert_eq!(after.snapshots(), [chain.name(15)]);
        assert_right(&mut after, &chain);
        if first.is_ok() {
            break;
        }
        kills += 1;
    }
    // The last one comes when the coins have their name and the manifest does not: coins alone are nothing.
    assert_eq!(fetched.pop(), Some(pieces.len()));
    assert!(kills > 100 && fetched.is_sorted_by(|more, fewer| more >= fewer), "{kills} kills: {fetched:?}");
    assert_eq!(fetched.last(), Some(&0), "{fetched:?}");
}
