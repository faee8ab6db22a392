//! What is known after a restart of what others have signed before it.

use super::{
    behaviour::{answer, halt, started, vote},
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
