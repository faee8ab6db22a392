//! The last block of a set, notarised again in a later view than its own.

use std::sync::Arc;

use super::{
    sealed::{genesis, grown, rig},
    *,
};
use crate::{
    chain::{target::Work, testkit::BlockMaker},
    node::Setup,
};

/// Two last blocks of the first set, of height 2 on one parent: those of views 2 and 3. Behind the first is one of the next set.
fn two() -> (Chain, Chain) {
    let mut maker = BlockMaker::new(Arc::new(testkit::sealed_spec_with(4, &[(3, &[9])])));
    let genesis = genesis(&maker);
    let first = grown(&mut maker, &genesis, 1, 0);
    let mut rival = maker.fork();
    let chain = grown(&mut maker, &first, 2, 0);
    rival.skip_views(1);
    (chain, grown(&mut rival, &first, 1, 1))
}

fn notarised(rig: &mut Rig, chain: &Chain, (epoch, view): (u32, u64), with_header: bool) -> Vec<Action> {
    let row = &chain.rows[2];
    let header = with_header.then(|| Box::new(row.header.clone()));
    rig.notice(ToHeaders::Notarised { link: None, hash: row.hash, epoch, view, header })
}

/// What the ledger hears of blocks that were notarised again.
fn told(actions: &[Action]) -> Vec<(Hash, Work)> {
    let of = |action: &Action| match action {
        Action::Tell(Notice::Ledger(ToLedger::NotarisedAgain { hash, work })) => Some((*hash, *work)),
        _ => None,
    };
    actions.iter().filter_map(of).collect()
}

fn best(rig: &Rig) -> Hash {
    rig.role.index.as_ref().unwrap().best_hash()
}

#[test]
fn a_block_counts_from_the_latest_view_in_which_it_was_notarised() {
    let (chain, rival) = two();
    let mut rig = rig(&rival);
    let actions = notarised(&mut rig, &chain, (0, 2), true);
    assert_eq!((rig.take_stored(), wants(&actions), told(&actions)), (chain.hashes(2..=2), vec![], vec![]));
    // A set that is not in office may certify whatever it likes.
    assert_eq!(told(&notarised(&mut rig, &chain, (1, 9), false)), []);
    let actions = notarised(&mut rig, &chain, (0, 4), false);
    assert_eq!(told(&actions), [(chain.hash(2), Work::of_view(4))]);
    assert_eq!(wants(&actions), [(1, chain.hashes(2..=2))]);
    assert_eq!(told(&notarised(&mut rig, &chain, (0, 4), false)), [], "told again");
    let actions = notarised(&mut rig, &rival, (0, 5), false);
    assert_eq!((told(&actions), wants(&actions)), (vec![(rival.hash(2), Work::of_view(5))], vec![(2, vec![])]));
    // What follows a block looks at its header, and the next set comes after all views of the first.
    rig.up(1, &chain);
    let header = Some(Box::new(chain.rows[3].header.clone()));
    let view = chain.rows[3].work.view();
    rig.notice(ToHeaders::Notarised { link: Some(LinkId(1)), hash: chain.hash(3), epoch: 1, view, header });
    assert_eq!(rig.take_stored(), chain.hashes(3..=3));
    rig.archive.put(&chain.rows);
    rig.moved(&chain);
    assert_eq!(best(&rig), chain.hash(3));
}

#[test]
fn the_certificate_of_a_later_view_may_come_before_the_header() {
    let (chain, rival) = two();
    let mut rig = rig(&rival);
    rig.up(1, &chain.first(2));
    notarised(&mut rig, &chain, (0, 4), false);
    let actions = rig.sync(1, chain.headers(1..=2));
    assert_eq!((rig.take_stored(), told(&actions)), (chain.hashes(2..=2), vec![(chain.hash(2), Work::of_view(4))]));
    assert_eq!(wants(&actions), [(1, chain.hashes(2..=2))]);
    rig.archive.put(&chain.rows);
    rig.moved(&chain.first(2));
    let actions = notarised(&mut rig, &rival, (0, 3), false);
    assert!(wants(&actions).is_empty() && told(&actions).is_empty(), "the rival's own view is an earlier one");
    assert!(faults(&rig.pass(SECOND)).is_empty());
}

/// After a start the authorities' role tells what was notarised since the last final block.
#[test]
fn a_start_at_a_block_that_was_notarised_again_stays_there() {
    let (chain, rival) = two();
    let mut rig = rig(&rival);
    notarised(&mut rig, &chain, (0, 2), true);
    notarised(&mut rig, &chain, (0, 4), false);
    rig.moved(&chain.first(2));
    let mut again = Rig::on(Setup { spec: chain.spec.clone(), ..setup() }, rig.archive.clone());
    again.start();
    assert_eq!(best(&again), rival.hash(2), "all that the disk tells");
    for (of, view) in [(&chain, 2), (&rival, 3), (&chain, 4)] {
        notarised(&mut again, of, (0, view), false);
    }
    again.moved(&chain.first(2));
    assert_eq!([best(&rig), best(&again)], [chain.hash(2); 2]);
}
