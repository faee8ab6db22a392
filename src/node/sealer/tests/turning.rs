//! Later sets: the network goes on with others.

use super::*;
use crate::{
    chain::{
        key::Claim,
        rules,
        rules::ParentFacts,
        seal::{Stage, Statement, Votes},
    },
    node::sealer::peer::EARLY_BYTES,
};

const SECOND: Duration = Duration::from_secs(1);

/// Four authorities, then five, then four others of these, then one.
fn changing() -> ChainSpec {
    spec_with(4, &[(6, &[0, 1, 2, 3, 4]), (12, &[4, 3, 2, 1]), (13, &[1, 2, 3]), (18, &[2])])
}

/// Each header of the node's chain keeps the rules, and the signatures in it hold.
fn check_chain(network: &Network, at: usize) -> Vec<Header> {
    let (mut header, mut chain) = (network.nodes[at].tip.clone(), Vec::new());
    while header.height > 0 {
        let parent = network.find(&header.previous).unwrap();
        let work = Work::of_view(parent.authority_seal().map_or(0, |seal| seal.view));
        let (hash, height, time) = (parent.hash(), parent.height, parent.time);
        let facts = ParentFacts { hash, height, time, median_time: time, paused: 0, work };
        rules::check_header(&network.spec, &facts, &header, &header.hash()).unwrap();
        let claims = network.spec.seal_rules().parent_claims(&network.spec, &header);
        assert!(claims.iter().all(Claim::holds) && claims.is_empty() == (parent.height == 0));
        chain.push(header);
        header = parent;
    }
    chain
}

fn epochs(network: &Network) -> Vec<u32> {
    network.nodes.iter().map(|node| node.driver.role.keys.set.epoch()).collect()
}

#[test]
fn the_network_goes_on_over_each_change_and_those_who_left_are_silent() {
    let mut network = Network::on(changing(), 5, 1);
    network.pool(1, 0);
    network.pass(SECOND * 20);
    assert!(network.finals().iter().all(|height| *height >= 24), "{:?}", network.finals());
    assert_eq!(epochs(&network), [4; 6]);
    let chain = check_chain(&network, 5);
    let epoch = |header: &Header| network.spec.authorities.at(header.height).map(|set| set.epoch());
    assert_eq!(chain.iter().filter(|header| epoch(header) == Some(2)).count(), 1, "one block of its own");
    for (at, last) in [(0, 1), (4, 2), (1, 3), (2, 4)] {
        let own = network.nodes[at].driver.role.core.own_votes();
        let newest = own.iter().map(|vote| vote.statement.epoch).max();
        let kept = network.nodes[at].disk.0.lock().unwrap().own_votes.iter().map(|vote| vote.statement.epoch).max();
        assert_eq!((newest, kept), (Some(last), Some(last)), "authority {at}");
    }
    assert!(network.nodes.iter().all(|node| node.driver.role.core.tally().liars().count() == 0));
}

#[test]
fn nodes_start_again_or_late_or_from_nothing_in_any_epoch() {
    for stop_at in [1, 5, 11, 12, 17] {
        let mut network = Network::on(changing(), 5, 1);
        network.stop(3);
        network.pool(1, 0);
        let is_there = |network: &Network, height| network.finals().iter().all(|last| *last >= height);
        for _ in 0..2000 {
            if is_there(&network, stop_at) {
                break;
            }
            network.pass(Duration::from_millis(10));
        }
        // Three of three are needed once, so that the one that was away comes back before.
        network.start(3);
        for at in [0, 1, 2, 4, 5] {
            network.stop(at);
            if at == 5 {
                network.nodes[at].disk = Disk::default();
            }
            network.start(at);
        }
        network.pool(1, 0);
        network.pass(SECOND * 40);
        assert!(is_there(&network, 24), "stopped at {stop_at}: {:?} {:?}", network.finals(), epochs(&network));
        check_chain(&network, 5);
    }
}

#[test]
fn the_last_block_of_a_set_becomes_final_though_its_view_was_skipped_by_some() {
    let mut network = Network::on(spec_with(4, &[(2, &[0, 1, 2, 3])]), 4, 0);
    network.pool(1, 0);
    // All hear of the block, and half of them no vote for finality before their time is over.
    let mut held = Vec::new();
    for _ in 0..400 {
        for at in 0..4 {
            let Node { driver, .. } = &mut network.nodes[at];
            driver.now.mono = driver.now.mono + Duration::from_millis(10);
            if driver.role.deadline().is_some_and(|due| due <= driver.now.mono) {
                let did = driver.wake();
                network.perform(at, did);
            }
        }
        while let Some((from, to, message)) = network.queue.pop_front() {
            let of_finality = match &message {
                Message::Vote(vote) => vote.statement.stage == Stage::Finalize && vote.statement.view == 1,
                Message::Certificate(certificate) => {
                    certificate.statement.stage == Stage::Finalize && certificate.statement.view == 1
                }
                _ => false,
            };
            if of_finality {
                held.push(message);
                continue;
            }
            let did = network.nodes[to].driver.receive(from as u64, &message);
            network.perform(to, did);
        }
    }
    assert!(!held.is_empty() && network.finals().iter().all(|height| *height > 2), "{:?}", network.finals());
    let chain = check_chain(&network, 0);
    let seal = |height: u32| chain.iter().find(|header| header.height == height).unwrap().authority_seal().unwrap();
    assert!(seal(2).parent_view > seal(1).view, "final in a later view");
}

fn vote(signer: usize, statement: Statement) -> SignedVote {
    SignedVote::sign(statement, signer as u8, 5_000, &key(signer), &spec(4).genesis_hash())
}

fn certificate(statement: Statement, signers: std::ops::Range<usize>) -> Message {
    let votes = Votes::collect(signers.map(|signer| (signer, vote(signer, statement).vote)));
    Message::Certificate(Box::new(Certificate { statement, votes }))
}

/// A node without a key, before a change of authorities, with one peer.
fn before_a_change() -> Driver<Sealer> {
    let mut driver = sealer(&Arc::new(spec_with(4, &[(2, &[0, 1, 2, 3])])), None, &Disk::default());
    driver.start();
    driver.up(1, testing::inbound_peer("10.0.0.1:4130"));
    driver
}

/// They were judged while the node was at the set's first view, and thrown away.
#[test]
fn what_came_before_a_final_block_of_the_next_set_is_judged_once_that_is_known() {
    let mut driver = before_a_change();
    let early = vote(2, Statement::skip(1, 41));
    driver.receive(1, &Message::Vote(early));
    driver.receive(1, &certificate(Statement::finalize(1, 40, Hash([6; 32])), 0..3));
    driver.notice(ToSealer::PlaceFound { block: Hash([6; 32]), height: 2, view: 40, is_applied: false });
    let core = &driver.role.core;
    assert_eq!((core.view(), core.tally().newest(2).next()), (41, Some(&early)));
}

#[test]
fn a_peer_fills_so_much_memory_with_the_next_set_s_messages_and_no_more() {
    let mut driver = before_a_change();
    for view in 1..100 {
        driver.receive(1, &certificate(Statement::skip(1, view), 0..64));
    }
    let bytes: usize = driver.role.peers[&LinkId(1)].early.iter().map(|frame| frame.body.len()).sum();
    assert!(bytes > EARLY_BYTES / 2 && bytes <= EARLY_BYTES, "{bytes}");
}

/// A certificate of a later set of the chain that [`changing`] makes, whose authorities are those of these numbers.
fn certificate_of(network: &Network, statement: Statement, numbers: &[usize]) -> Certificate {
    let genesis = network.spec.genesis_hash();
    let vote = |(signer, number): (usize, &usize)| {
        let signed = SignedVote::sign(statement, u8::try_from(signer).unwrap(), 7, &super::key(*number), &genesis);
        (signer, signed.vote)
    };
    Certificate { statement, votes: Votes::collect(numbers.iter().enumerate().map(vote)) }
}

#[test]
fn the_word_of_a_set_that_is_not_in_office_turns_nobody_and_a_node_that_kept_it_goes_on() {
    let mut network = Network::on(spec_with(4, &[(1000, &[3])]), 4, 1);
    network.pool(1, 0);
    network.pass(SECOND);
    // Of a block that nobody has, and of blocks that are there and not its own.
    let known = network.nodes[4].last_final.1;
    for (view, block) in [(7, Hash([9; 32])), (u64::MAX, Hash([8; 32])), (9, known)] {
        let certificate = certificate_of(&network, Statement::finalize(1, view, block), &[3]);
        for at in 0..5 {
            let message = Message::Certificate(Box::new(certificate.clone()));
            let did = network.nodes[at].driver.receive((at as u64 + 1) % 5, &message);
            network.perform(at, did);
        }
        network.deliver();
    }
    network.pass(SECOND * 2);
    let before = network.finals();
    assert_eq!(epochs(&network), [0; 5]);
    assert!(before.iter().all(|height| *height > 8), "{before:?}");
    // What a node of an earlier version kept of it.
    for at in 0..5 {
        network.stop(at);
        let certificate = certificate_of(&network, Statement::finalize(1, 7, Hash([9; 32])), &[3]);
        network.nodes[at].disk.0.lock().unwrap().certificates.push(certificate);
    }
    (0..5).for_each(|at| network.start(at));
    network.pool(1, 0);
    network.pass(SECOND * 8);
    assert_eq!(epochs(&network), [0; 5]);
    assert!(network.finals().iter().all(|height| *height > before[0] + 8), "{:?}", network.finals());
}

/// Its block's header shows that the set before handed over, and nothing of this set.
#[test]
fn the_first_proposal_of_a_set_that_has_begun_elsewhere_costs_nobody() {
    let mut network = Network::on(spec_with(4, &[(2, &[0, 1, 2, 3])]), 4, 0);
    network.pool(1, 0);
    network.pass(SECOND * 5);
    let first = check_chain(&network, 0).into_iter().find(|header| header.height == 2).unwrap();
    let (hash, view) = (first.hash(), first.authority_seal().unwrap().view);
    let leader = network.spec.authorities.at(2).unwrap().leader(view);
    let signature = key(leader).sign(&crate::chain::seal::proposal_hash(&network.spec.genesis_hash(), &hash));
    let block = [first.to_bytes(), 0u32.to_le_bytes().to_vec()].concat().into();
    let mut driver = before_a_change();
    driver.receive(1, &certificate(Statement::finalize(1, view, hash), 0..3));
    place(&mut driver, hash, 2, view, true);
    driver.receive(1, &certificate(Statement::notarise(1, view, hash), 0..3));
    assert_eq!(driver.receive(1, &Message::Proposal { signature, block }).fault(1), None);
}

/// Authorities who have left show one last block, in whatever view; those who followed them build on another.
#[test]
fn a_later_set_s_word_stands_against_what_the_set_before_handed_over_twice() {
    for liars_view in [3, 1 << 60] {
        let network = Network::on(spec_with(4, &[(5, &[9])]), 0, 0);
        let mut node = sealer(&network.spec, None, &Disk::default());
        node.start();
        node.up(1, testing::inbound_peer("10.0.0.1:4130"));
        let [false_end, true_end, first] = [4, 5, 6].map(|n| Hash([n; 32]));
        moved(&mut node, &[], &[(false_end, 4)]);
        let said = certificate_of(&network, Statement::finalize(0, liars_view, false_end), &[0, 1, 2]);
        node.receive(1, &Message::Certificate(Box::new(said)));
        place(&mut node, false_end, 4, liars_view, true);
        assert_eq!((node.role.keys.set.epoch(), node.role.finality.last().hash), (1, false_end), "as far as it knows");
        let said = certificate_of(&network, Statement::finalize(1, 9, first), &[9]);
        let did = node.receive(1, &Message::Certificate(Box::new(said)));
        let asks = |action: &Action| {
            let Action::Tell(notice) = action else { return false };
            matches!(notice.clone().try_into(), Ok(ToHeaders::Notarised { hash, epoch: 1, .. }) if hash == first)
        };
        assert!(did.0.iter().any(asks), "{:?}", did.0);
        assert_eq!(node.role.finality.last().hash, false_end, "nothing is final that is not in the chain");
        moved(&mut node, &[false_end], &[(true_end, 4), (first, 5)]);
        place(&mut node, first, 5, 9, true);
        assert_eq!((node.role.keys.set.epoch(), node.role.finality.last().hash), (1, first));
        assert_eq!(node.role.core.certified().last_final(), Place { view: 9, block: first });
        assert!(node.role.facts().finality.is_some_and(|shown| shown.statement.block == first));
    }
}

fn moved(node: &mut Driver<Sealer>, removed: &[Hash], added: &[(Hash, u32)]) {
    let (hash, height) = *added.last().unwrap();
    let tip = Tip { hash, height, time: 0, work: Work::ZERO, digest: Hash::ZERO };
    let moved = ChainMove { tip, removed: removed.to_vec(), added: added.to_vec(), news: None };
    node.notice(ToSealer::ChainMoved(Arc::new(moved)));
}

fn place(node: &mut Driver<Sealer>, block: Hash, height: u32, view: u64, is_applied: bool) {
    node.notice(ToSealer::PlaceFound { block, height, view, is_applied });
}
