//! Proposals that prove a lie, and messages that bring nothing.

use super::{
    behaviour::{genesis, proposal, relink, started, vote},
    *,
};
use crate::{
    base::codec,
    chain::seal::{SignedHeader, proposal_hash},
    node::{PeerFault, report::Report},
    wire::message::Kind,
};

/// The same proposal with another header, signed by this key.
fn changed(signer: usize, message: &Message, change: impl FnOnce(&mut Header)) -> Message {
    let Message::Proposal { block, .. } = message else { unreachable!() };
    let (mut header, _): (Header, _) = codec::decode_prefix(block).unwrap();
    let body = block[header.to_bytes().len()..].to_vec();
    change(&mut header);
    let signature = key(signer).sign(&proposal_hash(&genesis(), &header.hash()));
    Message::Proposal { signature, block: [header.to_bytes(), body].concat().into() }
}

fn lying(did: &Actions) -> Option<usize> {
    did.reports().into_iter().find_map(|report| match report {
        Report::Sealing(report) => Some(report.evidence),
        _ => None,
    })
}

#[test]
fn two_proposals_of_one_view_prove_a_lie_and_their_senders_are_not_to_blame() {
    let leader = spec(4).authorities.at(1).unwrap().leader(1);
    let disk = Disk::default();
    let (mut driver, _) = started(None, &disk);
    let (hash, first) = proposal(leader, 1);
    let second = changed(leader, &first, |header| header.time += 1);
    assert_eq!(driver.receive(1, &first).fault(1), None);
    let unsigned = changed((leader + 1) % 4, &first, |header| header.time += 1);
    assert_eq!(driver.receive(2, &unsigned).fault(2), Some(PeerFault::Unsigned(Kind::Proposal)));
    assert_eq!(driver.role.double.len(), 0);
    relink(&mut driver, 2);
    let did = driver.receive(2, &second);
    assert_eq!((did.fault(2), did.sent(1), did.told::<ToFetch>(), lying(&did)), (None, vec![], vec![], Some(1)));
    assert!(driver.role.core.proposals().with_hash(&hash).is_some(), "the first one stays");
    // Once for each authority and epoch.
    let third = changed(leader, &first, |header| header.time += 2);
    assert_eq!(driver.receive(1, &third).fault(1), None);
    let kept = disk.0.lock().unwrap().double_proposals.clone();
    let [proof] = &kept[..] else { panic!("{kept:?}") };
    assert_eq!(proof.liar(&genesis(), &spec(4).authorities), u8::try_from(leader).ok());
    let same = crate::chain::seal::DoubleProposal { second: proof.first.clone(), ..proof.clone() };
    assert_eq!(same.liar(&genesis(), &spec(4).authorities), None);
    let signature = [7; 64];
    let forged = SignedHeader { signature, ..proof.second.clone() };
    let forged = crate::chain::seal::DoubleProposal { second: forged, ..proof.clone() };
    assert_eq!(forged.liar(&genesis(), &spec(4).authorities), None);
    // It is known after a restart, too.
    let (mut driver, _) = started(None, &disk);
    assert_eq!(driver.role.double, BTreeSet::from([u8::try_from(leader).unwrap()]));
    assert_eq!(driver.receive(2, &third).fault(2), None);
}

#[test]
fn nobody_pays_for_a_proposal_of_a_set_that_the_chain_s_file_lacks() {
    let leader = spec(4).authorities.at(1).unwrap().leader(1);
    let (mut driver, _) = started(None, &Disk::default());
    let (_, known) = proposal(leader, 1);
    let other = |signer, time| {
        changed(signer, &known, |header| {
            header.time += time;
            if let Seal::Authorities(seal) = &mut header.seal {
                seal.next_authorities = Hash([9; 32]);
            }
        })
    };
    assert_eq!(driver.receive(1, &other(9, 1)).0, []);
    driver.receive(1, &known);
    assert_eq!(driver.receive(1, &other(9, 2)).0, [], "also if this node has no use for it");
}

#[test]
fn a_leader_that_starts_again_proposes_nothing_else_in_the_same_view() {
    let first = spec(1);
    let disk = Disk::default();
    let propose = |driver: &mut Driver<Sealer>| {
        let mut told = driver.notice(ToSealer::PoolChanged { added: 1, removed: 0 }).told::<ToLedger>();
        driver.pass(Duration::from_millis(300));
        told.extend(driver.wake().told::<ToLedger>());
        let asked = told.iter().any(|notice| matches!(notice, ToLedger::WantProposal { .. }));
        let template = template(&first.genesis.header);
        let did = driver.notice(ToSealer::Template(Some(Arc::new(template))));
        let proposals = did.sent(1).into_iter().filter(|message| matches!(message, Message::Proposal { .. })).count();
        (asked, proposals)
    };
    let start = |disk: &Disk| {
        let mut driver = sealer(&Arc::new(spec(1)), Some(0), disk);
        driver.start();
        driver.up(1, testing::inbound_peer("10.0.0.1:4130"));
        driver
    };
    assert_eq!(propose(&mut start(&disk)), (true, 1));
    assert_eq!(disk.0.lock().unwrap().own_votes, [], "the ledger has not told yet that the block is valid");
    let mut driver = start(&disk);
    assert_eq!(propose(&mut driver), (false, 0));
    // It skips the view, and goes on in the next one.
    driver.run(Duration::from_secs(2));
    assert_eq!(driver.role.core.view(), 2);
    assert_eq!(propose(&mut driver).1, 1);
}

#[test]
fn messages_that_bring_nothing_cost_once_they_are_more_than_honest_peers_send() {
    let leader = spec(4).authorities.at(1).unwrap().leader(1);
    let (mut driver, _) = started(None, &Disk::default());
    let (_, message) = proposal(leader, 1 << 40);
    let Message::Proposal { signature, block } = &message else { unreachable!() };
    let block = [block.to_vec(), vec![0; 1 << 20]].concat();
    let far = Message::Proposal { signature: *signature, block: block.into() };
    let charged = |driver: &mut Driver<Sealer>, link| {
        let at = (1..60).find(|_| driver.receive(link, &far).fault(link).is_some());
        at.expect("it costs")
    };
    assert_eq!(charged(&mut driver, 1), 32);
    assert_eq!(charged(&mut driver, 2), 32, "another's allowance is its own");
    relink(&mut driver, 1);
    assert_eq!(charged(&mut driver, 1), 32, "a new link");
}

/// Proposals of a set that nobody knows were free, at any rate.
#[test]
fn messages_of_unknown_worth_cost_once_they_are_more_than_honest_peers_send() {
    let leader = spec(4).authorities.at(1).unwrap().leader(1);
    let (mut driver, _) = started(None, &Disk::default());
    let (_, message) = proposal(leader, 1 << 40);
    let other_set = changed(leader, &message, |header| match &mut header.seal {
        Seal::Authorities(seal) => seal.next_authorities = Hash([9; 32]),
        Seal::Work(_) => unreachable!(),
    });
    let Message::Proposal { signature, block } = &other_set else { unreachable!() };
    let long = [block.to_vec(), vec![0; 1 << 20]].concat();
    let long = Message::Proposal { signature: *signature, block: long.into() };
    let later = Message::Vote(vote(1, Statement { epoch: 7, ..Statement::skip(0, 1) }));
    let charged = |driver: &mut Driver<Sealer>, link, message: &Message, most: usize| {
        let at = (1..most).find(|_| driver.receive(link, message).fault(link).is_some());
        at.expect("it costs")
    };
    assert_eq!(charged(&mut driver, 1, &long, 60), 32);
    let votes = charged(&mut driver, 2, &later, 400_000);
    assert_eq!(votes, (32 << 20) / 118 + 1);
    relink(&mut driver, 1);
    assert!((0..31).all(|_| driver.receive(1, &long).fault(1).is_none()));
    driver.pass(Duration::from_millis(200));
    assert_eq!(charged(&mut driver, 1, &long, 60), 4, "what was left, and two copies of one view's");
}

#[test]
fn a_proposal_and_its_block_are_one_copy() {
    let leader = spec(4).authorities.at(1).unwrap().leader(1);
    let (mut driver, _) = started(None, &Disk::default());
    let (_, message) = proposal(leader, 1);
    let did = driver.receive(1, &message);
    let [ToFetch::Proposed { block, .. }] = &did.told::<ToFetch>()[..] else { panic!("{did:?}") };
    let offer = driver.role.offers.in_view(1).unwrap();
    assert!(block.shares(&offer.frame.body) && offer.block.shares(block));
}
