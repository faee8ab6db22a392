//! A chain that nodes have from the start. A chain of a run alone is too short for the rounds of a long sync.

use std::sync::Arc;

use crate::{
    chain::{key::SecretKey, spec::ChainSpec, testkit::BlockMaker},
    sim::{node::Node, options::Options},
    store::testkit,
};

/// Gives the chain to all nodes but one honest one, which has to fetch it.
pub(super) fn write(options: &Options, spec: &Arc<ChainSpec>, nodes: &mut [Node]) {
    if options.history == 0 {
        return;
    }
    let mut maker = BlockMaker::new(spec.clone());
    let newcomer = options.nodes - 1;
    let mut disks: Vec<_> = nodes
        .iter_mut()
        .enumerate()
        .filter(|(number, _)| *number != newcomer)
        .map(|(_, node)| &mut node.disk)
        .collect();
    let owner = SecretKey::well_known(0).address();
    for _ in 0..options.history {
        let block = maker.next_block(Vec::new(), owner);
        for disk in &mut disks {
            disk.write(|ledger| testkit::append(ledger, &maker, &block)).expect("a valid block can be appended");
        }
    }
    for disk in &mut disks {
        disk.write(|ledger| ledger.commit(&maker.tip(), maker.sum(), true)).expect("a commit in memory works");
    }
}
