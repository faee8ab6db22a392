use super::*;
use crate::{
    base::ids::LinkId,
    node::{
        CloseReason, Event, Halt, LinkEvent,
        command::{LedgerCommand, PeersCommand, Reply},
    },
    runtime::fakes::{MAGIC, diary, fake, handshake, idle, node, peers},
    wire::message::{GoodbyeCode, Message},
};

const SECOND: Duration = Duration::from_secs(1);

fn address(number: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, number], 4130))
}

/// Two nodes of which the second dials the first, and a diary of what the first's gossip role hears.
fn two_nodes(seed: u64) -> (Scheduler, NodeIndex, NodeIndex, crossbeam_channel::Receiver<LinkEvent>) {
    let mut scheduler = Scheduler::new(seed, MAGIC);
    let (write, heard) = diary();
    let gossip = fake(move |_, event, _| {
        if let Event::Link(event) = event {
            write(event);
        }
        None
    });
    let with = vec![(RoleId::Handshake, handshake()), (RoleId::Peers, peers(None)), (RoleId::Gossip, gossip)];
    let one = scheduler.add_node(Some(address(1)), node(with));
    let with = vec![(RoleId::Handshake, handshake()), (RoleId::Peers, peers(Some(address(1))))];
    let two = scheduler.add_node(None, node(with));
    (scheduler, one, two, heard)
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_seed_another() {
    let run = |seed| {
        let (mut scheduler, ..) = two_nodes(seed);
        scheduler.run_for(SECOND * 100);
        (scheduler.digest(), scheduler.steps())
    };
    let first = run(1);
    assert!(first.1 > 50, "{} steps", first.1);
    assert_eq!(run(1), first);
    assert_ne!(run(2).0, first.0);
}

#[test]
fn time_jumps_to_the_next_deadline_and_no_further() {
    let mut scheduler = Scheduler::new(1, MAGIC);
    let (write, woken) = diary();
    let clockwork = fake(move |now, event, _| {
        write((event, now.mono.0 / 1_000_000));
        (now.mono < Time::default() + SECOND * 100).then(|| Time((now.mono.0 / 1_000_000 + 40) * 1_000_000))
    });
    scheduler.add_node(None, vec![(RoleId::Miner, clockwork)]);
    scheduler.run_for(SECOND * 1000);
    let woken: Vec<_> = woken.try_iter().collect();
    assert_eq!(woken, [(Event::Start, 0), (Event::Wake, 40), (Event::Wake, 80), (Event::Wake, 120)]);
    assert!(!scheduler.step(), "nothing will ever happen again");
}

#[test]
fn a_stopped_node_says_goodbye_and_a_crashed_one_nothing() {
    for crash in [false, true] {
        let (mut scheduler, _one, two, heard) = two_nodes(3);
        assert!(scheduler.run_until(SECOND, |_| heard.len() == 1));
        assert!(matches!(heard.recv(), Ok(LinkEvent::Up { .. })));
        let expected = if crash {
            scheduler.crash(two);
            CloseReason::Lost("closed by the other side".to_owned())
        } else {
            assert_eq!(scheduler.stop(two), StopReason::Asked);
            CloseReason::Remote { code: GoodbyeCode::Stopping as u8, retry_after: 0 }
        };
        scheduler.run_for(SECOND);
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), [LinkEvent::Closed { link: LinkId(1), reason: expected }]);
    }
}

#[test]
fn roles_stop_in_the_opposite_order_of_their_start_with_a_last_event() {
    let (write, heard) = diary();
    let roles = RoleId::ALL.into_iter().map(|id| {
        let write = write.clone();
        let role = fake(move |_, event, _| {
            write((id, event));
            None
        });
        (id, role)
    });
    let mut scheduler = Scheduler::new(4, MAGIC);
    let node = scheduler.add_node(None, roles.collect());
    scheduler.run_for(SECOND);
    let started: Vec<_> = heard.try_iter().collect();
    assert!(RoleId::ALL.iter().all(|id| started.contains(&(*id, Event::Start))) && started.len() == RoleId::ALL.len());
    scheduler.stop(node);
    let expected: Vec<_> = RoleId::ALL.into_iter().rev().map(|id| (id, Event::Stop)).collect();
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn a_scripted_peer_talks_to_a_node_in_both_directions() {
    let mut scheduler = Scheduler::new(5, MAGIC);
    scheduler.listen(address(9));
    let with = vec![(RoleId::Handshake, handshake()), (RoleId::Peers, peers(Some(address(9))))];
    let node = scheduler.add_node(None, node(with));
    let dialled_in = scheduler.dial_in(node, address(7));
    scheduler.network().send(dialled_in, &Message::Verack(1));
    scheduler.network().send(dialled_in, &Message::Ping { nonce: 77, height: 0, tip: Hash::ZERO });
    let mut heard = Vec::new();
    scheduler.run_until(SECOND, |scheduler| {
        heard.extend(scheduler.network().received(dialled_in));
        heard.len() == 2
    });
    assert_eq!(heard, [Message::Verack(2), Message::Pong(77)]);

    let dialled = scheduler.dialled(address(9)).expect("the node dialled");
    assert_eq!(scheduler.network().received(dialled), Some(Message::Verack(1)));
    scheduler.network().hang_up(dialled);
    scheduler.run_for(SECOND);
    assert!(!scheduler.network().is_open(dialled) && scheduler.network().is_open(dialled_in));
}

#[test]
fn a_flood_waits_for_the_inbox_and_arrives_complete_and_in_order() {
    let (write, heard) = diary();
    let fetch = fake(move |_, event, _| {
        if let Event::Link(LinkEvent::Frame { frame, .. }) = event {
            write(frame.open().unwrap());
        }
        None
    });
    let mut scheduler = Scheduler::new(6, MAGIC);
    let node = scheduler.add_node(None, node(vec![(RoleId::Handshake, handshake()), (RoleId::Fetch, fetch)]));
    let script = scheduler.dial_in(node, address(7));
    scheduler.network().send(script, &Message::Verack(1));
    let message = |number: u16| {
        let mut hash = Hash::ZERO;
        hash.0[..2].copy_from_slice(&number.to_le_bytes());
        Message::Absent(hash)
    };
    (0..2000).for_each(|number| scheduler.network().send(script, &message(number)));
    scheduler.run_for(SECOND * 10);
    assert!(heard.try_iter().eq((0..2000).map(message)));
}

#[test]
fn a_command_is_answered_and_a_panic_stops_the_node() {
    let mut scheduler = Scheduler::new(7, MAGIC);
    let ledger = fake(|_, event, out| {
        if let Event::Command(ticket, Command::Ledger(LedgerCommand::Mempool { limit })) = event {
            assert!(limit < 10, "limit {limit}");
            out.reply(ticket, Reply::Done);
        }
        None
    });
    let node = scheduler.add_node(None, node(vec![(RoleId::Ledger, ledger), (RoleId::Miner, idle())]));
    let good = scheduler.command(node, LedgerCommand::Mempool { limit: 1 });
    scheduler.run_for(SECOND);
    assert_eq!((good.take(), good.take()), (Some(Reply::Done), None));
    let (bad, late) =
        (scheduler.command(node, LedgerCommand::Mempool { limit: 10 }), scheduler.command(node, PeersCommand::Peers));
    scheduler.run_for(SECOND);
    assert_eq!((bad.take(), late.take()), (None, None));
    let reason = StopReason::Halt(Halt::Invariant("ledger panicked: limit 10".to_owned()));
    assert_eq!(scheduler.stop_reason(node), Some(reason.clone()));
    assert_eq!(scheduler.stop(node), reason);
    let stopping = Some(Reply::Stopping);
    assert_eq!((bad.take(), late.take()), (stopping.clone(), stopping));
}
