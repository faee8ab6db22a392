mod kills;

use super::*;
use crate::{
    base::rng::Rng,
    chain::{
        archive::LedgerStore,
        block::HashedBlock,
        coin_key::CoinKey,
        key::SecretKey,
        snapshot::{BUCKETS, Cutter},
        testkit::BlockMaker,
    },
    store::{
        LedgerDb, LedgerOptions, SharedLedger,
        testing::{TempDir, account, dev_maker},
        testkit,
    },
};

/// A chain that grows and is reorganised, with the maker as of each height.
struct Chain<'a> {
    ledger: &'a mut dyn LedgerStore,
    makers: Vec<BlockMaker>,
    blocks: Vec<HashedBlock>,
    rng: Rng,
}

impl<'a> Chain<'a> {
    fn new(ledger: &'a mut dyn LedgerStore, height: u32) -> Self {
        let mut chain = Self { ledger, makers: vec![dev_maker()], blocks: Vec::new(), rng: Rng::from_number(7) };
        (0..height).for_each(|_| chain.grow());
        chain
    }

    /// Appends a block that spends old and young coins.
    fn grow(&mut self) {
        let mut maker = self.makers.last().unwrap().fork();
        let to = account(self.rng.below(5) as u32);
        let transfers = (0..4).map(|n| maker.transfer(&SecretKey::well_known(n), to, 1000 + u64::from(n), 5)).collect();
        let block = maker.next_block(transfers, account(self.rng.below(5) as u32));
        testkit::append(self.ledger, &maker, &block).unwrap();
        testkit::commit(self.ledger, &maker).unwrap();
        self.makers.push(maker);
        self.blocks.push(block);
    }

    /// Replaces the last blocks by others.
    fn reorganise(&mut self, depth: usize) {
        for _ in 0..depth {
            let block = self.blocks.pop().unwrap();
            self.makers.pop();
            let changes = self.ledger.unapply(block.header.height, &block.hash).unwrap();
            self.ledger.flush_coins(&mut changes.backward()).unwrap();
        }
        (0..=depth).for_each(|_| self.grow());
    }

    fn name(&self, height: u32) -> SnapshotName {
        SnapshotName { height, block: self.makers[height as usize].hash() }
    }

    /// The manifest and the bytes of the coins after a block.
    fn expected(&self, height: u32) -> (Manifest, Vec<u8>) {
        let maker = &self.makers[height as usize];
        let mut coins: Vec<_> =
            maker.coins().iter().map(|(outpoint, coin)| (CoinKey::of(outpoint), coin.clone())).collect();
        coins.sort_by_key(|(key, _)| *key);
        let (mut cutter, mut bytes) = (Cutter::default(), Vec::new());
        let mut out = |piece: &[u8]| {
            bytes.extend_from_slice(piece);
            Ok::<(), ()>(())
        };
        coins.iter().for_each(|(key, coin)| cutter.push(key, coin, &mut out).unwrap());
        let manifest = cutter.finish(height, maker.hash(), &mut out).unwrap().unwrap();
        (manifest, bytes)
    }
}

fn bytes_of(snapshots: &mut SnapshotDb, block: &Hash) -> Vec<u8> {
    let manifest = snapshots.manifest(block).unwrap().unwrap();
    (0..manifest.pieces()).flat_map(|number| snapshots.piece(block, number).unwrap().unwrap().to_vec()).collect()
}

fn write(snapshots: &mut SnapshotDb, name: SnapshotName) -> Writing {
    snapshots.begin(name).unwrap();
    finish(snapshots)
}

fn finish(snapshots: &mut SnapshotDb) -> Writing {
    loop {
        match snapshots.step().unwrap() {
            Writing::More(_) => {}
            other => return other,
        }
    }
}

/// A snapshot of height 40, while blocks come and go above it.
fn write_beside(chain: &mut Chain<'_>, mut snapshots: SnapshotDb) {
    snapshots.step_coins = 9;
    let name = chain.name(40);
    let (manifest, bytes) = chain.expected(40);
    snapshots.begin(name).unwrap();
    let (mut steps, mut buckets) = (0, 0);
    loop {
        match snapshots.step().unwrap() {
            Writing::More(now) => {
                assert!((buckets..=BUCKETS).contains(&now));
                buckets = now;
            }
            Writing::Done(done) => break assert_eq!(done, name),
            other => panic!("{other:?}"),
        }
        steps += 1;
        match steps % 4 {
            0 => {
                let above = chain.blocks.len() - 40;
                chain.reorganise(above.min(1 + steps % 7));
            }
            2 => {}
            _ => chain.grow(),
        }
    }
    assert!(steps > 10, "{steps} steps");
    assert_eq!(snapshots.snapshots(), [name]);
    assert_eq!(snapshots.manifest(&name.block).unwrap(), Some(manifest.clone()));
    assert_eq!(bytes_of(&mut snapshots, &name.block), bytes);
    assert_eq!(manifest.digest(), chain.blocks[40].header.state_digest);
    assert_eq!(snapshots.piece(&name.block, manifest.pieces()).unwrap(), None);
    assert_eq!(snapshots.piece(&Hash::ZERO, 0).unwrap(), None);
    assert_eq!(snapshots.step().unwrap(), Writing::Idle);
}

#[test]
fn a_snapshot_is_right_while_blocks_come_and_go_above_it() {
    let dir = TempDir::new();
    let path = dir.join("ledger.db");
    let mut ledger = LedgerDb::open(&path, dev_maker().spec(), &LedgerOptions::default()).unwrap();
    let mut chain = Chain::new(&mut ledger, 45);
    let snapshots = SnapshotDb::open(&path, LedgerReader::open(&path).unwrap()).unwrap();
    write_beside(&mut chain, snapshots);
    let again = SnapshotDb::open(&path, LedgerReader::open(&path).unwrap()).unwrap();
    assert_eq!(again.snapshots(), [chain.name(40)]);

    let mut ledger = SharedLedger::in_memory(dev_maker().spec()).unwrap();
    let snapshots = ledger.snapshots().unwrap();
    write_beside(&mut Chain::new(&mut ledger, 45), snapshots);
}

#[test]
fn the_tip_and_blocks_that_are_given_up() {
    let mut ledger = SharedLedger::in_memory(dev_maker().spec()).unwrap();
    let mut snapshots = ledger.snapshots().unwrap();
    let mut chain = Chain::new(&mut ledger, 12);
    let tip = chain.name(12);
    assert_eq!(write(&mut snapshots, tip), Writing::Done(tip), "its digest is that of the ledger's state");
    assert_eq!(bytes_of(&mut snapshots, &tip.block), chain.expected(12).1);
    let genesis = chain.name(0);
    assert_eq!(write(&mut snapshots, genesis), Writing::Done(genesis));
    snapshots.step_coins = 3;
    snapshots.begin(tip).unwrap();
    assert!(matches!(snapshots.step().unwrap(), Writing::More(_)));
    chain.reorganise(2);
    assert!(matches!(finish(&mut snapshots), Writing::GivenUp(_)), "its block is no longer applied");
    assert_eq!(write(&mut snapshots, SnapshotName { height: 99, ..tip }), Writing::GivenUp("its block is not applied"));
    assert_eq!(snapshots.step().unwrap(), Writing::Idle);
    assert!(!snapshots.folder.names().unwrap().contains(&writing::COINS.to_owned()));
}

/// As after a restart long after the snapshot's block.
#[test]
fn more_spent_coins_than_fit_in_memory_take_several_passes() {
    let mut ledger = SharedLedger::in_memory(dev_maker().spec()).unwrap();
    let mut snapshots = ledger.snapshots().unwrap();
    let mut chain = Chain::new(&mut ledger, 90);
    let name = chain.name(30);
    let (manifest, bytes) = chain.expected(30);
    snapshots.step_coins = 5;
    snapshots.begin(name).unwrap();
    let mut steps = 0;
    let written = loop {
        match snapshots.step().unwrap() {
            Writing::More(_) => {}
            other => break other,
        }
        steps += 1;
        if steps % 30 == 0 {
            chain.grow();
        }
    };
    assert_eq!(written, Writing::Done(name));
    assert_eq!(snapshots.manifest(&name.block).unwrap(), Some(manifest));
    assert_eq!(bytes_of(&mut snapshots, &name.block), bytes);
}

#[test]
fn in_the_middle_of_a_transaction_nothing_is_read() {
    let mut ledger = SharedLedger::in_memory(dev_maker().spec()).unwrap();
    let mut snapshots = ledger.snapshots().unwrap();
    let chain = Chain::new(&mut ledger, 5);
    let (name, mut maker) = (chain.name(4), chain.makers[5].fork());
    let block = maker.next_block(vec![], account(1));
    testkit::append(&mut ledger, &maker, &block).unwrap();
    snapshots.begin(name).unwrap();
    (0..5).for_each(|_| assert_eq!(snapshots.step().unwrap(), Writing::More(0)));
    testkit::commit(&mut ledger, &maker).unwrap();
    assert_eq!(finish(&mut snapshots), Writing::Done(name));
}

#[test]
fn the_last_two_are_kept_and_what_is_damaged_is_never_served() {
    let dir = TempDir::new();
    let path = dir.join("ledger.db");
    let mut ledger = LedgerDb::open(&path, dev_maker().spec(), &LedgerOptions::default()).unwrap();
    let chain = Chain::new(&mut ledger, 20);
    let open = || SnapshotDb::open(&path, LedgerReader::open(&path).unwrap()).unwrap();
    let mut snapshots = open();
    for height in [5, 10, 15] {
        write(&mut snapshots, chain.name(height));
    }
    assert_eq!(snapshots.snapshots(), [chain.name(10), chain.name(15)]);
    let folder = dir.join(FOLDER);
    let mut names: Vec<_> = snapshots.folder.names().unwrap();
    names.sort();
    assert_eq!(names, ["10.coins", "10.manifest", "15.coins", "15.manifest"]);
    // What a kill leaves, and files of others.
    for name in ["writing.coins", "writing.manifest", "99.coins", "staging.coins", "staging.checks", "notes.txt"] {
        std::fs::write(folder.join(name), "x").unwrap();
    }
    drop(snapshots);
    let mut snapshots = open();
    assert_eq!(snapshots.folder.names().unwrap().len(), 5);
    assert!(folder.join("notes.txt").exists());
    let (early, late) = (chain.name(10).block, chain.name(15).block);
    assert_eq!(bytes_of(&mut snapshots, &early), chain.expected(10).1);
    let mut bytes = std::fs::read(folder.join("10.coins")).unwrap();
    bytes[100] ^= 1;
    std::fs::write(folder.join("10.coins"), &bytes).unwrap();
    let found: Vec<_> = (0..60).map(|number| snapshots.piece(&early, number).unwrap()).collect();
    assert!(found.contains(&None));
    assert_eq!(snapshots.snapshots(), [chain.name(15)], "it is removed");
    assert_eq!(bytes_of(&mut snapshots, &late), chain.expected(15).1);
    let mut manifest = std::fs::read(folder.join("15.manifest")).unwrap();
    manifest[40] ^= 1;
    std::fs::write(folder.join("15.manifest"), &manifest).unwrap();
    assert_eq!(open().snapshots(), []);
    assert!(!folder.join("15.coins").exists());
}

/// The pieces of a snapshot.
fn pieces_of(manifest: &Manifest, bytes: &[u8]) -> Vec<Vec<u8>> {
    let piece = |number| {
        let start = manifest.offset_of(number) as usize;
        bytes[start..start + manifest.length_of(number).unwrap()].to_vec()
    };
    (0..manifest.pieces()).map(piece).collect()
}

#[test]
fn pieces_that_are_fetched_survive_a_kill_and_are_checked_by_bucket() {
    let dir = TempDir::new();
    let path = dir.join("ledger.db");
    let mut ledger = LedgerDb::open(&path, dev_maker().spec(), &LedgerOptions::default()).unwrap();
    let chain = Chain::new(&mut ledger, 20);
    let (manifest, bytes) = chain.expected(15);
    let pieces = pieces_of(&manifest, &bytes);
    let open = || SnapshotDb::open(&path, LedgerReader::open(&path).unwrap()).unwrap();
    let mut snapshots = open();
    assert_eq!(snapshots.staged().unwrap(), None);
    assert!(snapshots.put_piece(0, &pieces[0]).is_err() && snapshots.keep_staged().is_err());
    assert_eq!(snapshots.stage(&manifest).unwrap().here, vec![false; pieces.len()]);
    let of = |number: usize| number as u32;
    for number in (0..pieces.len()).step_by(2) {
        snapshots.put_piece(of(number), &pieces[number]).unwrap();
    }
    assert!(snapshots.put_piece(1, b"too short").is_err() && snapshots.put_piece(9999, b"").is_err());
    drop(snapshots);
    let mut snapshots = open();
    let here: Vec<bool> = (0..pieces.len()).map(|number| number % 2 == 0).collect();
    assert_eq!(snapshots.staged().unwrap().map(|staged| staged.here), Some(here.clone()));
    assert_eq!(snapshots.stage(&manifest).unwrap().here, here, "the same manifest goes on");
    assert_eq!(snapshots.staged_piece(1).unwrap(), None);
    // One that is not what its peer should have sent, and one that the disk damages.
    snapshots.put_piece(1, &vec![0; pieces[1].len()]).unwrap();
    let wrong = manifest.bucket_of(1).unwrap();
    assert!(snapshots.check_bucket(wrong).unwrap().is_err());
    snapshots.drop_bucket(wrong).unwrap();
    assert!(!snapshots.staged().unwrap().unwrap().here[1]);
    let here = snapshots.staged().unwrap().unwrap().here;
    for number in (0..pieces.len()).filter(|number| !here[*number]) {
        snapshots.put_piece(of(number), &pieces[number]).unwrap();
    }
    let mut amount = 0;
    for bucket in 0..BUCKETS {
        amount += snapshots.check_bucket(bucket).unwrap().unwrap().amount;
    }
    assert_eq!(amount, chain.makers[15].spec().supply(15));
    let staged = dir.join(FOLDER).join(staging::COINS);
    let mut damaged = std::fs::read(&staged).unwrap();
    damaged[3] ^= 1;
    std::fs::write(&staged, &damaged).unwrap();
    assert_eq!(snapshots.staged_piece(0).unwrap(), None);
    assert!(!snapshots.staged().unwrap().unwrap().here[0], "it is fetched again");
    snapshots.put_piece(0, &pieces[0]).unwrap();
    snapshots.keep_staged().unwrap();
    assert_eq!((snapshots.snapshots(), snapshots.staged().unwrap()), (vec![chain.name(15)], None));
    assert_eq!(bytes_of(&mut snapshots, &manifest.block()), bytes);
    snapshots.stage(&chain.expected(10).0).unwrap();
    let other = snapshots.stage(&chain.expected(11).0).unwrap();
    assert!(other.here.iter().all(|here| !here), "those of another manifest are dropped");
    snapshots.discard().unwrap();
    assert_eq!(open().staged().unwrap(), None);
    assert_eq!(bytes_of(&mut open(), &manifest.block()), bytes);
}
