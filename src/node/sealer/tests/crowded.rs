//! What a peer is sent after many views without a final block.

use super::{
    behaviour::{halt, started, vote},
    *,
};
use crate::{
    base::limits::SEND_OWN_BYTES,
    chain::seal::{Statement, Votes},
    node::{Event, Halt, LinkEvent},
    wire::frame::Frame,
};

/// Certificates that 64 authorities skipped so many views.
fn record(views: u64) -> SealRecord {
    let genesis = spec(64).genesis_hash();
    let keys: Vec<SecretKey> = (0..43).map(key).collect();
    let skipped = |view| {
        let statement = Statement::skip(0, view);
        let sign = |(signer, key)| (signer, SignedVote::sign(statement, signer as u8, 5_000, key, &genesis).vote);
        Certificate { statement, votes: Votes::collect(keys.iter().enumerate().map(sign)) }
    };
    SealRecord { certificates: (1..=views).map(skipped).collect(), ..SealRecord::default() }
}

fn bytes(messages: &[Message]) -> usize {
    messages.iter().map(|message| Frame::new(message).wire_len()).sum()
}

/// A link takes half a megabyte of a node's own messages at once, and was closed each time that a peer was greeted.
#[test]
fn a_peer_is_sent_no_more_at_once_than_a_link_takes_and_all_of_it_in_time() {
    let views = 250;
    let disk = Disk(Arc::new(Mutex::new(record(views))));
    let mut driver = sealer(&Arc::new(spec(64)), None, &disk);
    driver.start();
    let mut came = driver.up(1, testing::inbound_peer("10.0.0.1:4130")).sent(1);
    assert!(bytes(&came) < SEND_OWN_BYTES / 2, "{}", bytes(&came));
    let of = |message: &Message| match message {
        Message::Certificate(certificate) => Some(certificate.statement.view),
        _ => None,
    };
    assert_eq!(of(&came[0]), Some(views), "it takes the peer to the present view");
    // One that is behind asks for nothing more meanwhile.
    driver.up(2, testing::inbound_peer("10.0.0.2:4130"));
    for second in 0..60 {
        let mut did = driver.run(Duration::from_secs(1));
        (1..=2).for_each(|link| did.0.extend(drained(&mut driver, link).0));
        for link in [1, 2] {
            let sent = did.sent(link);
            assert!(bytes(&sent) < SEND_OWN_BYTES / 4, "after {second} s {} bytes", bytes(&sent));
            came.extend(sent.into_iter().filter(|_| link == 1));
        }
    }
    let rest: Vec<u64> = came.iter().skip(1).filter_map(of).collect();
    assert_eq!(rest, (1..=views).collect::<Vec<_>>());
    assert_eq!(driver.run(Duration::from_secs(10)).sent(1), []);
}

fn drained(driver: &mut Driver<Sealer>, link: u64) -> Actions {
    driver.event(Event::Link(LinkEvent::Drained { link: LinkId(link) }))
}

/// On a line of less than half a megabit a second portions piled up until the link ended, and the next link began at the first again.
#[test]
fn a_peer_on_a_slow_line_is_sent_the_next_portion_once_the_one_before_has_left() {
    for views in [30, 250] {
        let disk = Disk(Arc::new(Mutex::new(record(views))));
        let mut driver = sealer(&Arc::new(spec(64)), None, &disk);
        driver.start();
        let awaited = |did: &Actions| did.0.contains(&Action::Link(LinkAction::AwaitDrained(LinkId(1))));
        let did = driver.up(1, testing::inbound_peer("10.0.0.1:4130"));
        let (mut waits, mut waiting) = (awaited(&did), bytes(&did.sent(1)));
        // Half a portion leaves in ten seconds.
        let (mut most, mut all) = (waiting, waiting);
        for _ in 0..300 {
            waiting = waiting.saturating_sub(32 << 10);
            if waiting == 0 && std::mem::take(&mut waits) {
                let did = drained(&mut driver, 1);
                (waits, waiting) = (waits | awaited(&did), waiting + bytes(&did.sent(1)));
                all += bytes(&did.sent(1));
            }
            let did = driver.run(Duration::from_secs(10));
            (waits, waiting, all) = (waits | awaited(&did), waiting + bytes(&did.sent(1)), all + bytes(&did.sent(1)));
            most = most.max(waiting);
        }
        assert!(most < SEND_OWN_BYTES / 2, "{views} views: {most} bytes waited");
        assert!(all > usize::try_from(views).unwrap() * 43 * 72, "{views} views: {all} bytes in all");
    }
}

/// Whoever voted with this key may have been seen by nobody else alone.
#[test]
fn a_certificate_with_an_own_vote_that_the_record_lacks_stops_the_node() {
    let statement = Statement::skip(0, 9);
    let of = |signers: [usize; 3]| {
        let votes = signers.map(|signer| (signer, vote(signer, statement).vote));
        Message::Certificate(Box::new(Certificate { statement, votes: Votes::collect(votes) }))
    };
    let (mut driver, _) = started(Some(1), &Disk::default());
    assert_eq!(halt(&driver.receive(1, &of([0, 2, 3]))), None, "others decided");
    let disk = Disk::default();
    let (mut driver, _) = started(Some(1), &disk);
    let did = driver.receive(1, &of([0, 1, 2]));
    assert!(matches!(halt(&did), Some(Halt::SignedElsewhere(_))), "{did:?}");
    // Its own record has this vote.
    let disk = Disk::default();
    disk.0.lock().unwrap().own_votes.push(vote(1, statement));
    let (mut driver, _) = started(Some(1), &disk);
    assert_eq!(halt(&driver.receive(1, &of([0, 1, 2]))), None);
}
