//! What one sealer does with what it hears.

use super::*;
use crate::{
    chain::{
        rules::BlockFault,
        seal::{DoubleProposal, Recall, Recalled, Statement, Vote, Votes},
    },
    node::{Event, Halt, LinkEvent, PeerFault},
    wire::{frame::Frame, message::Kind},
};

pub(super) fn genesis() -> Hash {
    spec(4).genesis_hash()
}

pub(super) fn vote(signer: usize, statement: Statement) -> SignedVote {
    SignedVote::sign(statement, signer as u8, 5_000, &key(signer), &genesis())
}

pub(super) fn certificate(statement: Statement) -> Certificate {
    let votes = (0..3).map(|signer| (signer, vote(signer, statement).vote));
    Certificate { statement, votes: Votes::collect(votes) }
}

/// A sealer that has started and has two peers; the first message that it sends, if it is an authority, is a question.
pub(super) fn started(own: Option<usize>, disk: &Disk) -> (Driver<Sealer>, Option<Recall>) {
    let mut driver = sealer(&Arc::new(spec(4)), own, disk);
    driver.start();
    for link in [1, 2] {
        driver.up(link, testing::inbound_peer("10.0.0.1:4130"));
    }
    let asked = driver.wake().sent(1).into_iter().find_map(|message| match message {
        Message::Recall(recall) => Some(recall),
        _ => None,
    });
    (driver, asked)
}

pub(super) fn answer(recall: &Recall, responder: usize, votes: &[SignedVote]) -> Message {
    let votes = List::truncated(votes.iter().copied());
    Message::Recalled(Box::new(Recalled::sign(recall, responder as u8, votes, &key(responder), &genesis())))
}

/// The same node links again: what comes behind a fault is judged no more.
pub(super) fn relink(driver: &mut Driver<Sealer>, link: u64) {
    driver.up(link, testing::inbound_peer("10.0.0.1:4130"));
}

fn votes_in(messages: &[Message]) -> Vec<Statement> {
    let statement = |message: &Message| match message {
        Message::Vote(vote) => Some(vote.statement),
        _ => None,
    };
    messages.iter().filter_map(statement).collect()
}

pub(super) fn halt(did: &Actions) -> Option<Halt> {
    did.0.iter().find_map(|action| match action {
        Action::Halt(halt) => Some(halt.clone()),
        _ => None,
    })
}

#[test]
fn each_message_goes_once_to_every_other_peer_that_has_not_shown_it() {
    let (mut driver, _) = started(None, &Disk::default());
    let message = Message::Vote(vote(0, Statement::skip(0, 1)));
    let did = driver.receive(1, &message);
    assert_eq!((did.sent(1), did.sent(2)), (vec![], vec![message.clone()]));
    let again = driver.receive(1, &message);
    assert_eq!(again.sent(2), [], "{again:?}");
    let skip = Message::Certificate(Box::new(certificate(Statement::skip(0, 4))));
    let did = driver.receive(2, &skip);
    assert_eq!((did.sent(1), did.sent(2)), (vec![skip.clone()], vec![]));
    assert_eq!(driver.receive(1, &skip).sent(2), []);
}

#[test]
fn what_its_signer_did_not_sign_costs_the_link_and_what_cannot_be_judged_does_not() {
    let (mut driver, _) = started(None, &Disk::default());
    let forged = SignedVote { signer: 1, ..vote(0, Statement::skip(0, 1)) };
    let mut fault = |message: Message| {
        relink(&mut driver, 1);
        driver.receive(1, &message).fault(1)
    };
    assert_eq!(fault(Message::Vote(forged)), Some(PeerFault::Unsigned(Kind::Vote)));
    let mut forged = certificate(Statement::skip(0, 1));
    forged.statement.view = 2;
    assert_eq!(fault(Message::Certificate(Box::new(forged))), Some(PeerFault::Unsigned(Kind::Certificate)));
    let far = Message::Vote(vote(0, Statement::skip(0, 1 << 50)));
    assert_eq!(fault(far), None);
    let other = Message::Vote(vote(0, Statement::skip(3, 1)));
    assert_eq!(fault(other), None, "a set that this node does not know");
    let recall = Recall::sign(0, 2, 7, &key(1), &genesis());
    assert_eq!(fault(Message::Recall(recall)), Some(PeerFault::Unsigned(Kind::Recall)));
}

/// An intruder's link had more than a hundred messages here before it was gone, and each cost a signature's check.
#[test]
fn what_comes_behind_a_fault_is_judged_no_more() {
    let (mut driver, _) = started(None, &Disk::default());
    let forged = |view| Message::Vote(SignedVote { signer: 1, ..vote(0, Statement::skip(0, view)) });
    assert!(driver.receive(1, &forged(1)).fault(1).is_some());
    assert_eq!(driver.receive(1, &forged(2)).0, []);
    let signed = Message::Vote(vote(0, Statement::skip(0, 1)));
    assert_eq!(driver.receive(1, &signed).0, [], "nor what is true");
    assert_eq!(driver.receive(2, &signed).fault(2), None);
    relink(&mut driver, 1);
    assert!(driver.receive(1, &forged(2)).fault(1).is_some(), "a new link");
}

/// A leader's first block, signed by this key.
pub(super) fn proposal(signer: usize, view: u64) -> (Hash, Message) {
    let tip = spec(4).genesis.header;
    let mut header = template(&tip).header;
    let set = spec(4).authorities.at(1).unwrap().clone();
    header.seal = Seal::Authorities(Box::new(crate::chain::seal::AuthoritySeal {
        view,
        next_authorities: set.hash(),
        parent_view: 0,
        parent_votes: Votes::default(),
    }));
    let hash = header.hash();
    let signature = key(signer).sign(&crate::chain::seal::proposal_hash(&genesis(), &hash));
    let block = [header.to_bytes(), 0u32.to_le_bytes().to_vec()].concat();
    (hash, Message::Proposal { signature, block: block.into() })
}

#[test]
fn only_the_leader_proposes_and_a_bad_signature_never_condemns_a_block() {
    let leader = spec(4).authorities.at(1).unwrap().clone().leader(1);
    let (mut driver, _) = started(None, &Disk::default());
    let (hash, forged) = proposal((leader + 1) % 4, 1);
    assert_eq!(driver.receive(1, &forged).fault(1), Some(PeerFault::Unsigned(Kind::Proposal)));
    relink(&mut driver, 1);
    let (same, signed) = proposal(leader, 1);
    assert_eq!(hash, same, "the signature is not in the block");
    let did = driver.receive(2, &signed);
    assert_eq!(did.sent(1), std::slice::from_ref(&signed), "passed on before it is checked");
    assert!(matches!(did.told::<ToFetch>()[..], [ToFetch::Proposed { hash: asked, .. }] if asked == hash));
    assert_eq!(driver.receive(1, &signed).told::<ToFetch>(), []);
    let (_, far) = proposal(leader, 1 << 40);
    assert_eq!(driver.receive(1, &far).0, []);
    let garbage = Message::Proposal { signature: [0; 64], block: vec![7; 90].into() };
    assert!(matches!(driver.receive(1, &garbage).fault(1), Some(PeerFault::Frame(_))));
}

/// The leader signs the header alone: anybody can put another body under it.
#[test]
fn a_body_that_the_header_does_not_commit_to_costs_its_sender_and_keeps_nobody_from_the_true_one() {
    let leader = spec(4).authorities.at(1).unwrap().leader(1);
    let (mut driver, _) = started(None, &Disk::default());
    let (hash, signed) = proposal(leader, 1);
    let Message::Proposal { signature, block } = &signed else { unreachable!() };
    let header = &block[..block.len() - 4];
    let other = crate::chain::testkit::coinbase(1, key(0).address(), 5, b"").to_bytes();
    let others = [
        ([&1u32.to_le_bytes(), &other[..]].concat(), BlockFault::MerkleRoot),
        (vec![0, 0, 0, 0, 7], BlockFault::Malformed("1 bytes are left over".to_owned())),
        (1u32.to_le_bytes().to_vec(), BlockFault::Malformed(String::new())),
        (vec![0, 0], BlockFault::Malformed(String::new())),
        (u32::MAX.to_le_bytes().to_vec(), BlockFault::Malformed(String::new())),
    ];
    for (body, expected) in others {
        let forged = Message::Proposal { signature: *signature, block: [header, &body].concat().into() };
        relink(&mut driver, 1);
        let did = driver.receive(1, &forged);
        let Some(PeerFault::Block(fault)) = did.fault(1) else { panic!("{did:?}") };
        assert_eq!(std::mem::discriminant(&fault), std::mem::discriminant(&expected), "{fault}");
        assert_eq!((did.sent(2), did.told::<ToFetch>()), (vec![], vec![]));
    }
    driver.up(3, testing::inbound_peer("10.0.0.1:4130"));
    let did = driver.receive(2, &signed);
    assert_eq!(did.sent(3), std::slice::from_ref(&signed), "{did:?}");
    assert!(matches!(did.told::<ToFetch>()[..], [ToFetch::Proposed { hash: asked, .. }] if asked == hash));
}

/// A node with the chain's older file cut off all its peers: they took others for leaders than it did.
#[test]
fn a_proposal_that_others_have_signed_costs_nothing_where_the_file_may_be_an_older_one() {
    let (mut driver, _) = started(None, &Disk::default());
    let leader = spec(4).authorities.at(1).unwrap().leader(1);
    let (_, Message::Proposal { block, .. }) = proposal(leader, 1) else { panic!("not a proposal") };
    let genesis_header = spec(4).genesis.header;
    let signed_by = |number: usize, previous: Hash| {
        let header: Header = crate::base::codec::decode_prefix(&block).unwrap().0;
        let header = Header { previous, ..header };
        let signature = key(number).sign(&crate::chain::seal::proposal_hash(&genesis(), &header.hash()));
        Message::Proposal { signature, block: [header.to_bytes(), 0u32.to_le_bytes().to_vec()].concat().into() }
    };
    driver.notice(ToSealer::ChainMoved(Arc::new(ChainMove {
        tip: Tip { hash: genesis(), height: 0, time: 0, work: Work::ZERO, digest: Hash::ZERO },
        removed: Vec::new(),
        added: Vec::new(),
        news: None,
    })));
    let unknown_parent = signed_by(9, Hash([3; 32]));
    for link in [1, 2] {
        let did = driver.receive(link, &unknown_parent);
        assert!(did.fault(link).is_none() && did.sent(3 - link).is_empty(), "{did:?}");
    }
    let did = driver.receive(1, &signed_by(9, genesis_header.hash()));
    assert_eq!(did.fault(1), Some(PeerFault::Unsigned(Kind::Proposal)), "on the ledger's tip it is known who leads");
}

#[test]
fn nothing_is_signed_before_a_quorum_has_told_what_this_key_signed() {
    let leader = spec(4).authorities.at(1).unwrap().clone().leader(1);
    let own = (leader + 1) % 4;
    let others: Vec<usize> = (0..4).filter(|other| *other != own).collect();
    let (mut driver, recall) = started(Some(own), &Disk::default());
    let recall = recall.expect("an authority asks first");
    let (hash, block) = proposal(leader, 1);
    driver.receive(1, &block);
    let checked = driver.notice(ToSealer::ProposalChecked { hash, result: Ok(()) });
    assert_eq!(votes_in(&checked.sent(1)), []);
    let first = answer(&recall, others[0], &[]);
    assert_eq!(votes_in(&driver.receive(1, &first).sent(1)), []);
    assert_eq!(votes_in(&driver.receive(1, &first).sent(1)), [], "the same one again");
    let stale = Recall::sign(0, own as u8, recall.nonce ^ 1, &key(own), &genesis());
    assert_eq!(votes_in(&driver.receive(1, &answer(&stale, others[1], &[])).sent(1)), [], "another question's");
    let did = driver.receive(2, &answer(&recall, others[1], &[]));
    assert_eq!(votes_in(&did.sent(1)), [Statement::notarise(0, 1, hash)]);
}

#[test]
fn a_key_that_has_signed_elsewhere_stops_the_node() {
    let disk = Disk::default();
    let (mut driver, recall) = started(Some(0), &disk);
    let newer = vote(0, Statement::skip(0, 9));
    let did = driver.receive(1, &answer(&recall.unwrap(), 1, &[newer]));
    assert!(
        matches!(halt(&did), Some(Halt::SignedElsewhere(text)) if text.starts_with("this key has signed elsewhere"))
    );
    // Its own record has that vote: all is well.
    disk.clone().keep_vote(&newer).unwrap();
    let (mut driver, recall) = started(Some(0), &disk);
    assert_eq!(halt(&driver.receive(1, &answer(&recall.unwrap(), 1, &[newer]))), None);
    // Somebody else's vote, or a forged one, is no answer.
    let (mut driver, recall) = started(Some(0), &disk);
    let recall = recall.unwrap();
    let forged = SignedVote { vote: Vote { clock: 1, ..newer.vote }, ..vote(0, Statement::skip(0, 10)) };
    assert_eq!(halt(&driver.receive(1, &answer(&recall, 1, &[forged]))), None);
    assert_eq!(halt(&driver.receive(1, &answer(&recall, 2, &[vote(1, Statement::skip(0, 9))]))), None);
    assert!(!driver.role.recalling.is_done());
    // A vote of this key that arrives later shows it, too.
    let did = driver.receive(1, &Message::Vote(vote(0, Statement::notarise(0, 2, Hash([5; 32])))));
    assert!(matches!(halt(&did), Some(Halt::SignedElsewhere(_))));
}

#[test]
fn a_question_is_answered_with_the_newest_votes_once() {
    let (mut driver, _) = started(Some(1), &Disk::default());
    let votes = [Statement::notarise(0, 2, Hash([4; 32])), Statement::skip(0, 3)].map(|said| vote(0, said));
    votes.iter().for_each(|vote| drop(driver.receive(1, &Message::Vote(*vote))));
    let recall = Recall::sign(0, 0, 70, &key(0), &genesis());
    let did = driver.receive(1, &Message::Recall(recall));
    let expected = answer(&recall, 1, &votes);
    assert_eq!(did.sent(1), std::slice::from_ref(&expected));
    assert_eq!(did.sent(2), [Message::Recall(recall), expected]);
    assert_eq!(driver.receive(2, &Message::Recall(recall)).sent(1), []);
}

#[test]
fn an_authority_is_answered_a_few_times_and_nobody_else_spends_its_questions() {
    let (mut driver, _) = started(Some(1), &Disk::default());
    let mut nonce = 0;
    let mut ask = |driver: &mut Driver<Sealer>, signer: usize| {
        nonce += 1;
        relink(driver, 1);
        let recall = Recall::sign(0, 0, nonce, &key(signer), &genesis());
        let did = driver.receive(1, &Message::Recall(recall));
        (did.sent(1).len(), did.sent(2).len(), did.fault(1).is_some())
    };
    (0..10).for_each(|_| assert_eq!(ask(&mut driver, 2), (0, 0, true)));
    let all: Vec<_> = (0..6).map(|_| ask(&mut driver, 0)).collect();
    assert_eq!(all, [[(1, 2, false); 4].as_slice(), &[(0, 0, false); 2]].concat());
    driver.pass(Duration::from_secs(10));
    assert_eq!([0, 0].map(|signer| ask(&mut driver, signer).0), [1, 0]);
}

/// Recorded questions had spent what their signer may ask, and kept it from ever voting again.
#[test]
fn an_old_question_is_answered_with_the_newest_one_to_whoever_passes_it_on() {
    let (mut driver, _) = started(Some(1), &Disk::default());
    let recall = |nonce| Message::Recall(Recall::sign(0, 0, nonce, &key(0), &genesis()));
    assert_eq!(driver.receive(1, &recall(70)).sent(2).len(), 2);
    for nonce in 1..=69 {
        let did = driver.receive(2, &recall(nonce));
        assert_eq!((did.sent(1), did.sent(2)), (vec![], vec![]), "the newest is what it was sent before");
    }
    driver.up(3, testing::inbound_peer("10.0.0.1:4130"));
    let told: Vec<_> = [69, 68].map(|nonce| driver.receive(3, &recall(nonce)).sent(3)).concat();
    assert_eq!(told, [recall(70)], "once");
    assert_eq!(driver.receive(3, &recall(71)).sent(1).len(), 2, "the signer may ask as before");
}

/// Whoever has just started does not know which question is the newest: somebody who has recorded those of many starts had them taken
/// one after the other, each as soon as their signer may ask once more.
#[test]
fn recorded_questions_that_nobody_remembers_do_not_keep_their_signer_from_asking() {
    let (mut driver, _) = started(Some(1), &Disk::default());
    let recall = |nonce| Message::Recall(Recall::sign(0, 0, nonce, &key(0), &genesis()));
    let mut recorded = (1..10_000).map(recall);
    let (mut answered, mut waited) = (None, 0);
    for (nonce, wait) in (10_000..).zip([0, 2, 4, 8, 16, 30]) {
        for _ in 0..wait * 10 + 1 {
            driver.pass(Duration::from_millis(100));
            for _ in 0..5 {
                driver.receive(2, &recorded.next().unwrap());
            }
        }
        waited += wait;
        if answered.is_none() && driver.receive(1, &recall(nonce)).sent(1).len() == 1 {
            answered = Some(waited);
        }
    }
    assert!(answered.is_some_and(|waited| waited <= 14), "{answered:?}");
}

/// Its disk or clock was put back.
#[test]
fn who_hears_a_later_question_of_its_own_asks_with_a_greater_nonce() {
    let (mut driver, recall) = started(Some(1), &Disk::default());
    let first = recall.unwrap();
    let later = Recall::sign(0, 1, first.nonce + 1_000_000, &key(1), &genesis());
    let forged = Recall { nonce: later.nonce + 5, ..later };
    assert_eq!(driver.receive(2, &Message::Recall(forged)).fault(2), Some(PeerFault::Unsigned(Kind::Recall)));
    driver.receive(1, &Message::Recall(later));
    driver.pass(Duration::from_millis(1_100));
    let sent = driver.wake().sent(1);
    let [Message::Recall(again)] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!((again.nonce, again.signer), (later.nonce + 1, 1));
    driver.receive(1, &answer(again, 0, &[]));
    assert!(!driver.role.recalling.is_done());
    driver.receive(1, &answer(&first, 2, &[]));
    assert!(driver.role.recalling.is_done(), "answers to the first count as ever");
}

#[test]
fn a_new_peer_is_asked_what_the_others_were() {
    let (mut driver, recall) = started(Some(1), &Disk::default());
    let did = driver.up(3, testing::inbound_peer("10.0.0.1:4130"));
    assert_eq!(did.sent(3), [Message::Recall(recall.unwrap())]);
    let woken = driver.wake();
    assert_eq!((did.sent(1), woken.sent(1), woken.sent(3)), (vec![], vec![], vec![]));
}

#[test]
fn a_view_that_nothing_proves_is_told() {
    let (mut driver, _) = started(None, &Disk::default());
    let certify = |view| Message::Certificate(Box::new(certificate(Statement::skip(0, view))));
    driver.receive(1, &certify(2));
    driver.run(Duration::from_secs(9));
    assert_eq!(driver.role.reporter.told_stuck(), None, "its certificate may be under way");
    driver.run(Duration::from_secs(2));
    let told = "no block can follow: view 1 is neither notarised nor skipped by 3 authorities";
    assert_eq!(driver.role.reporter.told_stuck().as_deref(), Some(told));
    driver.receive(1, &certify(1));
    assert_eq!(driver.role.reporter.told_stuck(), None);
}

#[test]
fn only_a_vote_that_was_signed_shows_that_a_peer_is_behind() {
    let (mut driver, _) = started(None, &Disk::default());
    let skipped = Message::Certificate(Box::new(certificate(Statement::skip(0, 40))));
    driver.receive(1, &skipped);
    // Not one of the lowest views that nothing proves: votes of these count.
    let old = Statement::skip(0, 20);
    let said = |signer, statement| Message::Vote(SignedVote { signer, ..vote(0, statement) });
    let did = driver.receive(2, &said(1, old));
    assert_eq!((did.fault(2), did.sent(2)), (Some(PeerFault::Unsigned(Kind::Vote)), vec![]));
    relink(&mut driver, 2);
    assert_eq!(driver.receive(2, &said(1, Statement { epoch: 7, ..old })).0, [], "a set that this node does not know");
    let did = driver.receive(2, &said(0, old));
    assert_eq!((did.fault(2), did.sent(2)), (None, vec![skipped]));
    assert_eq!(driver.receive(2, &said(0, old)).sent(2), [], "once a second");
}

#[test]
fn a_vote_that_cannot_be_written_is_not_sent() {
    struct Full;
    impl SealStore for Full {
        fn load(&mut self) -> Result<SealRecord, StoreError> {
            Ok(SealRecord::default())
        }
        fn keep_vote(&mut self, _: &SignedVote) -> Result<(), StoreError> {
            Err(StoreError::Other("the disk is full".to_owned()))
        }
        fn keep_heard(&mut self, _: &[SignedVote]) -> Result<(), StoreError> {
            Ok(())
        }
        fn keep_certificate(&mut self, _: &Certificate) -> Result<(), StoreError> {
            Ok(())
        }
        fn forget_below(&mut self, _: u64, _: Option<Hash>) -> Result<(), StoreError> {
            Ok(())
        }
        fn keep_evidence(&mut self, _: &(SignedVote, SignedVote)) -> Result<(), StoreError> {
            Ok(())
        }
        fn keep_double_proposal(&mut self, _: u8, _: &DoubleProposal) -> Result<(), StoreError> {
            Ok(())
        }
        fn keep_proposed(&mut self, _: u32, _: u64) -> Result<(), StoreError> {
            Ok(())
        }
        fn own_vote(&self, _: Stage) -> Result<Option<SignedVote>, StoreError> {
            Ok(None)
        }
    }
    let mut setup = Setup::bare(Arc::new(spec(2)));
    setup.seal = Some(key(0));
    let mut driver = Driver::new(Sealer::new(&setup, Box::new(Full)));
    driver.start();
    driver.up(1, testing::inbound_peer("10.0.0.1:4130"));
    let sent = driver.wake().sent(1);
    let Some(Message::Recall(recall)) = sent.first() else { panic!("{sent:?}") };
    let genesis = spec(2).genesis_hash();
    let recalled = Recalled::sign(recall, 1, List::EMPTY, &key(1), &genesis);
    driver.receive(1, &Message::Recalled(Box::new(recalled)));
    driver.notice(ToSealer::PoolChanged { added: 1, removed: 0 });
    driver.pass(Duration::from_secs(2));
    let did = driver.wake();
    assert!(matches!(halt(&did), Some(Halt::Store(_))), "{did:?}");
    assert_eq!(did.sent(1), []);
}

#[test]
fn a_new_peer_hears_finality_the_tip_and_what_is_under_way() {
    let (mut driver, _) = started(None, &Disk::default());
    let block = Hash([6; 32]);
    let all = [
        Message::Certificate(Box::new(certificate(Statement::finalize(0, 3, block)))),
        Message::Certificate(Box::new(certificate(Statement::notarise(0, 3, block)))),
        Message::Certificate(Box::new(certificate(Statement::skip(0, 4)))),
        Message::Vote(vote(2, Statement::skip(0, 5))),
    ];
    all.iter().for_each(|message| drop(driver.receive(1, message)));
    let did = driver.up(3, testing::inbound_peer("10.0.0.1:4130"));
    assert_eq!(did.sent(3), all);
    let leader = spec(4).authorities.at(1).unwrap().leader(5);
    let (_, proposed) = proposal(leader, 5);
    driver.receive(1, &proposed);
    let greeted = driver.up(4, testing::inbound_peer("10.0.0.1:4130")).sent(4);
    assert_eq!((greeted.len(), greeted.last()), (5, Some(&proposed)));
    // Who is behind may have dropped it before, and is sent it once more in each view.
    let behind = Message::Vote(vote(3, Statement::skip(0, 2)));
    let proposals = |did: Actions| did.sent(4).into_iter().filter(|message| *message == proposed).count();
    let helped = [0, 2, 2].map(|seconds| {
        driver.pass(Duration::from_secs(seconds));
        proposals(driver.receive(4, &behind))
    });
    assert_eq!(helped, [1, 0, 0]);
    let frame = Frame::new(&all[3]);
    assert!(driver.frame(3, frame).0.is_empty());
}

/// All certificates may have megabytes, and an old vote is what anybody may have recorded.
#[test]
fn who_is_behind_is_helped_the_more_seldom_the_more_that_takes() {
    let (mut driver, _) = started(None, &Disk::default());
    for view in 1..=400 {
        driver.receive(1, &Message::Certificate(Box::new(certificate(Statement::skip(0, view)))));
    }
    let behind = Message::Vote(vote(3, Statement::skip(0, 2)));
    let helped = [0, 1_200, 600, 600].map(|millis| {
        driver.pass(Duration::from_millis(millis));
        let sent = driver.receive(2, &behind).sent(2).len();
        driver.event(Event::Link(LinkEvent::Drained { link: LinkId(2) }));
        sent
    });
    assert_eq!(helped, [400, 0, 0, 400]);
}

#[test]
fn what_waits_is_counted_also_while_no_block_has_room_for_it() {
    let mut driver = sealer(&Arc::new(spec(1)), Some(0), &Disk::default());
    driver.start();
    let genesis = spec(1).genesis.header;
    let asked = |did: Actions| {
        let is_asked = |action: &Action| match action {
            Action::Tell(notice) => matches!(notice.clone().try_into(), Ok(ToLedger::WantProposal { .. })),
            _ => false,
        };
        did.0.iter().any(is_asked)
    };
    driver.notice(ToSealer::PoolChanged { added: 2, removed: 0 });
    driver.pass(Duration::from_millis(300));
    assert!(asked(driver.wake()));
    let nothing_fits = |driver: &mut Driver<Sealer>| {
        driver.notice(ToSealer::Template(Some(Arc::new(Template { transactions: 0, ..template(&genesis) }))));
        driver.pass(Duration::from_secs(1));
        assert!(!asked(driver.wake()), "the same would not fit again");
    };
    nothing_fits(&mut driver);
    assert!(!asked(driver.notice(ToSealer::PoolChanged { added: 0, removed: 1 })));
    assert!(asked(driver.notice(ToSealer::PoolChanged { added: 1, removed: 1 })), "one waits, and it is another one");
    nothing_fits(&mut driver);
    let tip = Tip { hash: genesis.hash(), height: 0, time: 0, work: Work::ZERO, digest: Hash::ZERO };
    let moved = ChainMove { tip, removed: Vec::new(), added: Vec::new(), news: None };
    assert!(asked(driver.notice(ToSealer::ChainMoved(Arc::new(moved)))), "there may be room in the next block");
}

/// A leader that knows of no transaction proposes nothing, and what this node told of one may have found no room on a link.
#[test]
fn what_waits_is_offered_to_all_when_a_view_takes_too_long() {
    let (mut driver, recall) = started(Some(1), &Disk::default());
    [0, 2].iter().for_each(|other| drop(driver.receive(1, &answer(recall.as_ref().unwrap(), *other, &[]))));
    let offered = |did: Actions| {
        let notices = did.told::<ToLedger>().into_iter();
        let links = notices.filter_map(|notice| match notice {
            ToLedger::OfferPool { link } => Some(link.0),
            _ => None,
        });
        links.collect::<Vec<u64>>()
    };
    assert_eq!(offered(driver.run(Duration::from_secs(60))), [], "nothing waits");
    driver.notice(ToSealer::PoolChanged { added: 1, removed: 0 });
    assert_eq!(offered(driver.run(Duration::from_millis(1_900))), [], "the vote to skip may do");
    assert_eq!(offered(driver.run(Duration::from_secs(1))), [1, 2]);
}

/// Operators took a set out of the file before it had made a block, and put another one in its place.
#[test]
fn what_others_signed_under_the_number_of_a_set_is_not_told_as_a_member_s() {
    let disk = Disk::default();
    let said = Statement::skip(0, 3);
    let of_others = SignedVote { signer: 0, ..vote(9, said) };
    disk.0.lock().unwrap().heard = vec![of_others, vote(2, said)];
    disk.0.lock().unwrap().evidence =
        vec![(of_others, SignedVote { signer: 0, ..vote(9, Statement::finalize(0, 3, Hash([1; 32]))) })];
    let (mut driver, _) = started(Some(1), &disk);
    assert_eq!(driver.role.core.tally().liars().count(), 0);
    for (signer, held) in [(0, vec![]), (2, vec![vote(2, said)])] {
        let recall = Recall::sign(0, signer, 70, &key(usize::from(signer)), &genesis());
        let did = driver.receive(1, &Message::Recall(recall));
        assert_eq!(did.sent(1), [answer(&recall, 1, &held)]);
    }
}
