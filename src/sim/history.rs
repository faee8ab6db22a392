//! A chain that nodes have from the start. A chain of a run alone is too short for the rounds of a long sync.

use std::sync::Arc;

use crate::{
    chain::{
        address::Address,
        block::{HashedBlock, HashedTransaction},
        key::SecretKey,
        spec::ChainSpec,
        testkit::{self, BlockMaker},
    },
    sim::{disk::Disk, node::Node, options::Options},
    store,
};

/// The height of the block that makes too many coins, in a chain of liars that does, and by how many blocks it is longer.
const MINTED_AT: usize = 5;
const LONGER: usize = 2;

/// Gives the chain to all nodes but one honest one, which has to fetch it. Returns its blocks.
pub(super) fn write(options: &Options, spec: &Arc<ChainSpec>, nodes: &mut [Node]) -> Vec<HashedBlock> {
    if options.history == 0 {
        return Vec::new();
    }
    let newcomer = options.nodes - 1;
    let minters = if options.minted { options.false_snapshot_numbers() } else { 0..0 };
    let (mut honest, mut liars, mut rivals) = (Vec::new(), Vec::new(), Vec::new());
    for (number, node) in nodes.iter_mut().enumerate().filter(|(number, _)| *number != newcomer) {
        let disks = match number {
            _ if minters.contains(&number) => &mut liars,
            _ if options.rival() == Some(number) => &mut rivals,
            _ => &mut honest,
        };
        disks.push(&mut node.disk);
    }
    let owner = SecretKey::well_known(0).address();
    let mut maker = BlockMaker::new(spec.clone());
    if !liars.is_empty() {
        let mut minting = maker.fork();
        for height in 1..=options.history + LONGER {
            if height == MINTED_AT {
                mint(&mut minting, &mut liars);
            } else {
                grow(&mut minting, &mut liars, owner);
            }
        }
        end(&minting, &mut liars);
    }
    let mut blocks = Vec::new();
    if !rivals.is_empty() {
        let shared = options.history.saturating_sub(usize::try_from(options.rival_depth).unwrap_or(usize::MAX));
        let mut maker = maker.fork();
        (0..shared).for_each(|_| drop(grow(&mut maker, &mut rivals, owner)));
        let other = SecretKey::well_known(1).address();
        let end_at = options.history + options.rival_ahead();
        blocks.extend((shared..end_at).map(|_| grow(&mut maker, &mut rivals, other)));
        end(&maker, &mut rivals);
    }
    blocks.extend((0..options.history).map(|_| grow(&mut maker, &mut honest, owner)));
    end(&maker, &mut honest);
    blocks
}

/// Appends the next block.
fn grow(maker: &mut BlockMaker, disks: &mut [&mut Disk], owner: Address) -> HashedBlock {
    let block = maker.next_block(Vec::new(), owner);
    append(maker, &block, disks);
    block
}

/// Appends a block that takes more than it may, and whose successors commit to that.
fn mint(maker: &mut BlockMaker, disks: &mut [&mut Disk]) {
    let owner = SecretKey::well_known(9).address();
    let (header, _) = maker.assemble(Vec::new(), owner, maker.next_time());
    let amount = maker.spec().subsidy(header.height) + 1;
    let coinbase = HashedTransaction::new(testkit::coinbase(header.height, owner, amount, b""));
    let block = testkit::seal(header, vec![coinbase]);
    maker.connect(&block);
    append(maker, &block, disks);
}

fn append(maker: &BlockMaker, block: &HashedBlock, disks: &mut [&mut Disk]) {
    for disk in disks {
        disk.write(|ledger| store::testkit::append(ledger, maker, block)).expect("a valid block can be appended");
    }
}

fn end(maker: &BlockMaker, disks: &mut [&mut Disk]) {
    for disk in disks {
        disk.write(|ledger| ledger.commit(&maker.tip(), maker.sum(), true)).expect("a commit in memory works");
    }
}
