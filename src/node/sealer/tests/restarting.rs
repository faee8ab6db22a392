//! What is known after a restart of what others have signed before it.

use super::{
    behaviour::{answer, certificate, halt, started, vote},
    *,
};
use crate::chain::seal::{Recall, Statement};

#[test]
fn after_a_restart_an_authority_still_tells_another_what_that_has_signed() {
    let disk = Disk::default();
    let (mut driver, _) = started(Some(1), &disk);
    let votes = [Statement::notarise(0, 2, Hash([4; 32])), Statement::skip(0, 3)].map(|said| vote(0, said));
    let older = vote(0, Statement::skip(0, 2));
    votes.iter().chain([&older]).for_each(|vote| drop(driver.receive(1, &Message::Vote(*vote))));
    assert_eq!(disk.clone().load(), Ok(SealRecord::default()), "they may go with an own vote");
    driver.run(Duration::from_millis(1_500));
    let own = |disk: &Disk| disk.0.lock().unwrap().heard.clone();
    assert_eq!(own(&disk), votes);
    assert_eq!(driver.role.deadline().map(|at| at > driver.now.mono), Some(true), "once");
    let (mut driver, _) = started(Some(1), &disk);
    let recall = Recall::sign(0, 0, 70, &key(0), &spec(4).genesis_hash());
    assert_eq!(driver.receive(1, &Message::Recall(recall)).sent(1), [answer(&recall, 1, &votes)]);
    // They are only known, and count for nothing.
    assert_eq!(driver.role.core.tally().skips(3, None), 0);
    let newer = vote(0, Statement::skip(0, 4));
    driver.receive(1, &Message::Vote(newer));
    assert_eq!(halt(&driver.event(crate::node::Event::Stop)), None);
    assert!(own(&disk).contains(&newer), "a node that stops writes what waits");
}

#[test]
fn an_authority_with_an_older_disk_stops_also_if_all_others_have_restarted() {
    for old in 0..4 {
        let mut network = Network::new(4, 0);
        let pay = |network: &mut Network| {
            network.pool(1, 0);
            network.pass(Duration::from_secs(1));
            network.pool(0, 1);
        };
        pay(&mut network);
        let node = &network.nodes[old];
        let (tip, last_final) = (node.tip.clone(), node.last_final);
        let older = SealRecord::clone(&node.disk.0.lock().unwrap());
        (0..3).for_each(|_| pay(&mut network));
        // The certificates that its votes are in matter no more.
        network.stop(old);
        (0..2).for_each(|_| {
            pay(&mut network);
            network.pass(Duration::from_secs(2));
        });
        let before = network.finals()[0];
        // Killed: nobody says that it ends.
        (0..4).for_each(|at| network.nodes[at].is_up = false);
        network.queue.clear();
        *network.nodes[old].disk.0.lock().unwrap() = older;
        (network.nodes[old].tip, network.nodes[old].last_final) = (tip, last_final);
        network.may_halt = Some(old);
        (0..4).for_each(|at| network.start(at));
        network.pass(Duration::from_secs(3));
        let halted = network.halted.take();
        assert!(matches!(halted, Some(Halt::SignedElsewhere(_))), "{old}: {halted:?}");
        network.pool(1, 0);
        network.pass(Duration::from_secs(5));
        assert!(network.finals().iter().all(|height| *height > before), "the others go on");
    }
}

/// Too many have lied: another branch is final, too. A restart forgot what was final first, and the chain left it.
#[test]
fn what_was_final_first_is_told_again_after_a_restart() {
    let (ours, theirs) = ([1, 2].map(|n| Hash([n; 32])), [(3, 7), (5, 8)].map(|(view, n)| (view, Hash([n; 32]))));
    let found = |block, height, view, is_applied| ToSealer::PlaceFound { block, height, view, is_applied };
    let finality = |view, block| Message::Certificate(Box::new(certificate(Statement::finalize(0, view, block))));
    let told = |did: &Actions| {
        let told = did.told().into_iter().filter_map(|notice| match notice {
            ToLedger::Final { height, hash } => Some((height, hash)),
            _ => None,
        });
        told.collect::<Vec<_>>()
    };
    let wanted = |did: &Actions| {
        let wanted = did.told().into_iter().filter_map(|notice| match notice {
            ToLedger::WantPlace { block } => Some(block),
            _ => None,
        });
        wanted.collect::<Vec<_>>()
    };
    let disk = Disk::default();
    let (mut driver, _) = started(None, &disk);
    for (n, block) in ours.into_iter().enumerate() {
        let (height, view) = (n as u32 + 1, n as u64 + 1);
        driver.receive(1, &finality(view, block));
        let did = driver.notice(found(block, height, view, true));
        assert_eq!(told(&did), [(height, block)], "once");
    }
    for (view, block) in theirs {
        driver.receive(1, &finality(view, block));
        assert_eq!(told(&driver.notice(found(block, view as u32, view, false))), [(view as u32, block)]);
    }
    let mut driver = sealer(&Arc::new(spec(4)), None, &disk);
    let asked = wanted(&driver.start());
    assert_eq!(asked, [theirs[1].1, ours[1]]);
    let did = driver.notice(found(theirs[1].1, 5, 5, false));
    assert_eq!(told(&did), [(5, theirs[1].1)]);
    let did = driver.notice(found(ours[1], 2, 2, true));
    assert_eq!(told(&did), [(2, ours[1])]);
    driver.receive(1, &finality(6, Hash([9; 32])));
    assert_eq!(
        disk.0.lock().unwrap().earlier_finals(0).map(|kept| kept.statement.block).collect::<Vec<_>>(),
        [ours[1]]
    );
}
