//! Networks of sealers that agree, with some of them away.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// Blocks are linked, and each shows that its parent was notarised.
fn check_chain(network: &Network, tip: &Header) {
    let set = spec(network.count).authorities.at(1).unwrap().clone();
    let mut header = tip.clone();
    while header.height > 0 {
        let parent = network.find(&header.previous).unwrap();
        let Seal::Authorities(seal) = &header.seal else { panic!("a block of another kind") };
        assert_eq!(seal.next_authorities, set.hash());
        if parent.height == 0 {
            assert_eq!((header.time, seal.parent_view, seal.parent_votes.count()), (parent.time, 0, 0));
        } else {
            let statement = crate::chain::seal::Statement::notarise(0, seal.parent_view, header.previous);
            let certificate = Certificate { statement, votes: seal.parent_votes.clone() };
            assert!(set.certifies(&network.genesis.hash(), &certificate));
            assert_eq!(header.time, parent.time.max(certificate.median_clock() / 1000));
        }
        header = parent;
    }
}

#[test]
fn networks_of_each_size_make_blocks_final_while_something_waits_and_are_silent_else() {
    for count in [1, 2, 4, 7] {
        let mut network = Network::new(count, 1);
        network.pass(SECOND * 2);
        let before = network.sent;
        network.pass(SECOND * 60);
        assert_eq!((network.sent, network.finals()), (before, vec![0; count + 1]), "idle");
        network.pool(1, 0);
        network.pass(SECOND * 3);
        let finals = network.finals();
        assert!(finals.iter().all(|height| *height >= 10), "{count} authorities: {finals:?}");
        network.pool(0, 1);
        network.pass(SECOND * 2);
        let (finals, before) = (network.finals(), network.sent);
        assert!(finals.iter().all(|height| *height == finals[0]));
        network.pass(SECOND * 60);
        assert_eq!((network.finals(), network.sent), (finals, before), "idle again");
        check_chain(&network, &network.nodes[0].tip.clone());
    }
}

#[test]
fn one_of_four_may_be_away_and_two_may_not_until_they_are_back() {
    let mut network = Network::new(4, 1);
    network.pool(1, 0);
    network.pass(SECOND * 2);
    network.stop(2);
    let before = network.finals()[0];
    network.pass(SECOND * 10);
    let with_three = network.finals()[0];
    assert!(with_three >= before + 6, "{before} to {with_three}");
    network.stop(3);
    network.pass(SECOND);
    let before = network.finals();
    network.pass(SECOND * 150);
    assert_eq!(network.finals(), before, "two of four are no quorum");
    let stuck = network.nodes[0].driver.role.reporter.told_stuck();
    let [two, three] = [2, 3].map(|number| crate::base::hash::hex(&key(number).public_key()));
    let missing = format!("missing: 2 (key {}…), 3 (key {}…)", &two[..8], &three[..8]);
    assert_eq!(stuck, Some(format!("2 of 4 authorities are heard and 3 are needed; {missing}")));
    network.start(2);
    network.start(3);
    network.pool(1, 0);
    network.pass(SECOND * 3);
    let after = network.finals();
    assert!(after.iter().all(|height| *height > before[0] + 3), "{before:?} to {after:?}");
    assert_eq!(network.nodes[0].driver.role.reporter.told_stuck(), None);
}

/// Nobody votes while nothing waits, so that people saw "synced" until a payment did not become final.
#[test]
fn a_network_at_rest_says_that_too_few_authorities_may_be_there_until_they_are_heard_again() {
    let mut network = Network::new(4, 1);
    network.pool(1, 0);
    network.pass(SECOND * 2);
    network.pool(0, 1);
    network.pass(SECOND * 2);
    let told = |network: &Network| {
        let of = |at: usize| network.nodes[at].driver.role.reporter.told_quorum().cloned();
        assert_eq!(of(0), of(4), "with a key or without one");
        of(0)
    };
    network.stop(2);
    network.pass(SECOND * 20);
    assert_eq!(told(&network), None, "one of four may be away");
    network.stop(3);
    network.pass(SECOND * 9);
    assert_eq!(told(&network), None, "a restart takes a while");
    network.pass(SECOND * 2);
    let finding = told(&network).expect("it is told");
    assert!(finding.is_suspicion, "nobody knows before something waits: {finding:?}");
    assert!(finding.text.starts_with("2 of 4 authorities") && finding.text.contains("missing: 2 (key "), "{finding:?}");
    assert_eq!(network.nodes[0].driver.role.reporter.told_stuck(), None);
    network.start(3);
    network.pass(SECOND);
    assert_eq!(told(&network), None);
    network.stop(3);
    network.pass(SECOND * 11);
    network.pool(1, 0);
    network.pass(SECOND * 60);
    let finding = told(&network).expect("it is told");
    assert!(!finding.is_suspicion && finding.text.contains("2 of 4 authorities are heard"), "{finding:?}");
}

/// Before its first vote it has to hear of a quorum what its key signed.
#[test]
fn an_authority_at_rest_that_too_few_answer_says_so() {
    let mut network = Network::new(4, 0);
    (0..4).for_each(|at| network.stop(at));
    network.start(0);
    network.start(1);
    network.pass(SECOND * 11);
    let finding = network.nodes[0].driver.role.reporter.told_quorum().expect("it is told");
    assert!(finding.is_suspicion && finding.text.starts_with("2 of 3 authorities have told"), "{finding:?}");
    network.start(2);
    network.pass(SECOND * 30);
    assert_eq!(network.nodes[0].driver.role.reporter.told_quorum(), None);
}

#[test]
fn a_node_that_starts_late_hears_what_is_final() {
    let mut network = Network::new(4, 0);
    network.pool(1, 0);
    network.pass(SECOND * 2);
    network.pool(0, 1);
    network.pass(SECOND * 2);
    network.stop(1);
    network.nodes[1].disk = Disk::default();
    network.nodes[1].own = None;
    network.start(1);
    assert_eq!(network.nodes[1].last_final, network.nodes[0].last_final);
    assert_eq!(network.nodes[1].driver.role.core.view(), network.nodes[0].driver.role.core.view());
}

#[test]
fn every_authority_restarts_again_and_again_and_none_signs_twice() {
    let mut network = Network::new(4, 0);
    network.pool(1, 0);
    for round in 0..24 {
        network.pass(Duration::from_millis(30 * (round % 17)));
        let at = (round % 4) as usize;
        network.stop(at);
        network.pass(Duration::from_millis(40));
        network.start(at);
        network.pool(1, 0);
    }
    network.pass(SECOND * 5);
    assert!(network.finals().iter().all(|height| *height > 20), "{:?}", network.finals());
    assert!(network.nodes.iter().all(|node| node.driver.role.core.tally().liars().count() == 0));
}
