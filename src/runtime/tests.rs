//! Whole nodes of small roles over loopback sockets. Every wait has an end.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use crossbeam_channel::{Receiver, bounded};

use super::{
    fakes::{MAGIC, config, diary, fake, handshake, idle, node as roles, peers},
    listening::{Listen, Listening},
    node::{Node, Readiness},
    resolver::{Answer, Resolve, SystemResolver},
    signals,
    start_error::StartError,
    stop::StopReason,
};
use crate::{
    base::hash::Hash,
    chain::{archive::Tip, target::Work},
    node::{
        AnyRole, CloseReason, Event, Halt, HostName, LinkEvent, NodeAddress, Notice, RoleId,
        command::{GossipCommand, LedgerCommand, PeersCommand, Reply},
        notice::{ToGossip, ToPeers},
        report::Report,
    },
    wire::{
        frame::{Frame, FrameReader},
        message::{GoodbyeCode, Message},
    },
};

/// Far beyond what any step takes; only a broken node waits so long.
const PATIENCE: Duration = Duration::from_secs(20);

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

fn listen(address: SocketAddr) -> Result<Listening, StartError> {
    Listening::start(&Listen::At(vec![address.into()]))
}

fn launch(with: Vec<(RoleId, Box<dyn AnyRole>)>) -> Node {
    launch_with(with, Arc::new(SystemResolver))
}

fn launch_with(with: Vec<(RoleId, Box<dyn AnyRole>)>, resolver: Arc<dyn Resolve>) -> Node {
    Node::launch(roles(with), listen(loopback()).unwrap(), config(MAGIC, 8), None, false, resolver, None).unwrap()
}

/// A role that writes down what it hears of links.
fn listener() -> (Box<dyn AnyRole>, Receiver<LinkEvent>) {
    let (write, heard) = diary();
    let role = fake(move |_, event, _| {
        if let Event::Link(event) = event {
            write(event);
        }
        None
    });
    (role, heard)
}

#[test]
fn nodes_find_each_other_and_hear_of_a_stop() {
    let (gossip, heard) = listener();
    let one = launch(vec![(RoleId::Handshake, handshake()), (RoleId::Peers, peers(None)), (RoleId::Gossip, gossip)]);
    let dial = one.local_address();
    let two = launch(vec![(RoleId::Handshake, handshake()), (RoleId::Peers, peers(dial))]);
    let Ok(LinkEvent::Up { link, .. }) = heard.recv_timeout(PATIENCE) else { panic!("no link") };
    let bytes = one.handle().link_bytes();
    assert_eq!(bytes.get(&link).map(|(_, received)| *received), Some(32 + 13 + 8));
    assert_eq!(two.stop(), StopReason::Asked);
    let reason = CloseReason::Remote { code: GoodbyeCode::Stopping as u8, retry_after: 0 };
    assert_eq!(heard.recv_timeout(PATIENCE), Ok(LinkEvent::Closed { link, reason }));
    one.handle().stop();
    assert_eq!(one.wait(), StopReason::Asked);
}

#[test]
fn a_node_is_ready_with_its_tip_and_late_or_stopping_without() {
    let node = launch(vec![(RoleId::Ledger, idle())]);
    assert_eq!(node.wait_ready(Duration::from_millis(1)), Readiness::Late);
    node.handle().stop();
    assert_eq!(node.wait_ready(PATIENCE), Readiness::Stopping);
    assert_eq!(node.stop(), StopReason::Asked);

    let tip = Tip { hash: Hash::ZERO, height: 0, time: 0, work: Work::ZERO, digest: Hash::ZERO };
    let ledger = fake(move |_, event, out| {
        if event == Event::Start {
            out.report(Report::Tip(Box::new(tip.clone())));
        }
        None
    });
    let node = launch(vec![(RoleId::Ledger, ledger)]);
    assert_eq!(node.wait_ready(PATIENCE), Readiness::Ready);
    node.stop();
}

#[test]
fn a_port_in_use_is_told_in_plain_words() {
    let node = launch(Vec::new());
    let address = node.local_address().unwrap();
    let Err(error) = listen(address) else { panic!("the port is taken") };
    assert!(matches!(&error, StartError::Listen { address: told, .. } if *told == address.into()));
    let text = error.to_string();
    assert!(text.contains(&address.to_string()) && text.contains("--listen"), "{text}");
    node.stop();
    listen(address).expect("a node that has stopped frees its port at once");
}

#[test]
fn every_command_is_answered_once_even_by_a_role_that_never_does() {
    let ledger = fake(|_, event, out| {
        if let Event::Command(ticket, _) = event {
            out.reply(ticket, Reply::Done);
            out.reply(ticket, Reply::Refused("again".to_owned()));
        }
        None
    });
    let node = launch(vec![(RoleId::Ledger, ledger)]);
    let handle = node.handle();
    assert_eq!(handle.ask(LedgerCommand::Mempool { limit: 1 }), Reply::Done);
    let (sender, answers) = bounded(10);
    handle.submit(PeersCommand::Peers, Box::new(move |reply| sender.send(reply).unwrap()));
    assert!(answers.is_empty());
    node.stop();
    let stopping = Reply::Stopping;
    assert!(answers.iter().eq([stopping.clone()]));
    assert_eq!(handle.ask(PeersCommand::Peers), stopping, "after the stop too");
}

#[test]
fn a_panic_in_a_role_stops_the_node_and_says_why() {
    let gossip = fake(|_, event, _| {
        assert!(matches!(event, Event::Start | Event::Stop), "cannot {}", 7);
        None
    });
    let (ledger, _) = listener();
    let node = launch(vec![(RoleId::Gossip, gossip), (RoleId::Ledger, ledger)]);
    let (sender, answers) = bounded(1);
    node.handle().submit(
        GossipCommand::SubmitTransaction { bytes: Vec::new().into(), replace: true },
        Box::new(move |reply| sender.send(reply).unwrap()),
    );
    let reason = node.wait();
    assert_eq!(reason, StopReason::Halt(Halt::Invariant("gossip panicked: cannot 7".to_owned())));
    assert_eq!(reason.exit_code(), 1);
    assert_eq!(answers.recv(), Ok(Reply::Stopping));
}

#[test]
fn roles_stop_one_after_the_other_the_ledger_last() {
    let (write, heard) = diary();
    let spy = |id| -> (RoleId, Box<dyn AnyRole>) {
        let write = write.clone();
        let role = fake(move |_, event, _| {
            if event == Event::Stop {
                write(id);
            }
            None
        });
        (id, role)
    };
    launch(RoleId::ALL.into_iter().map(spy).collect()).stop();
    assert!(heard.try_iter().eq(RoleId::ALL.into_iter().rev()));
}

#[test]
fn a_role_that_is_always_due_still_hears_commands_and_links() {
    let (write, heard) = diary();
    let gossip = fake(move |now, event, out| {
        match event {
            Event::Command(ticket, _) => out.reply(ticket, Reply::Done),
            Event::Link(event) => write(event),
            _ => {}
        }
        Some(now.mono)
    });
    let node = launch(vec![(RoleId::Gossip, gossip), (RoleId::Handshake, handshake())]);
    let submit = || GossipCommand::SubmitTransaction { bytes: Vec::new().into(), replace: true };
    (0..1000).for_each(|_| assert_eq!(node.handle().ask(submit()), Reply::Done));
    let mut stream = connect(&node);
    write_message(&mut stream, &Message::Verack(1));
    assert!(matches!(heard.recv_timeout(PATIENCE), Ok(LinkEvent::Up { .. })));
    node.stop();
}

#[test]
fn what_hurries_does_not_wait_for_what_the_role_does_next() {
    let (seen, answer_seen) = bounded(1);
    let (tell, in_time) = bounded(1);
    let mut due = None;
    let ledger = fake(move |now, event, out| {
        match event {
            Event::Command(ticket, _) => {
                out.reply(ticket, Reply::Done);
                out.hurry();
                due = Some(now.mono);
            }
            Event::Wake if due.take().is_some() => tell.send(answer_seen.recv_timeout(PATIENCE).is_ok()).unwrap(),
            _ => {}
        }
        due
    });
    let node = launch(vec![(RoleId::Ledger, ledger)]);
    assert_eq!(node.handle().ask(LedgerCommand::Mempool { limit: 1 }), Reply::Done);
    seen.send(()).unwrap();
    assert_eq!(in_time.recv_timeout(2 * PATIENCE), Ok(true));
    node.stop();
}

#[test]
fn a_busy_role_holds_back_its_links_and_nobody_else() {
    let (hold, held) = bounded::<()>(0);
    let (write, heard) = diary();
    let fetch = fake(move |_, event, _| {
        if let Event::Link(LinkEvent::Frame { frame, .. }) = event {
            // Until the test lets go.
            let _ = held.recv();
            write(frame.open().unwrap());
        }
        None
    });
    // No timer: after the flood nothing but the role itself can make the poll loop look again.
    let echo = fake(|_, event, out| {
        if let Event::Link(LinkEvent::Frame { link, frame }) = event {
            out.send(link, &frame.open().unwrap());
        }
        None
    });
    let node = launch(vec![(RoleId::Handshake, handshake()), (RoleId::Peers, echo), (RoleId::Fetch, fetch)]);
    let message = |number: u32| {
        let mut hash = Hash::ZERO;
        hash.0[..4].copy_from_slice(&number.to_le_bytes());
        Message::Absent(hash)
    };
    // More than inbox and link hold; the rest waits in the sockets' buffers.
    let mut flooding = connect(&node);
    write_message(&mut flooding, &Message::Verack(1));
    (0..2000).for_each(|number| write_message(&mut flooding, &message(number)));
    let mut other = connect(&node);
    write_message(&mut other, &Message::Verack(1));
    assert_eq!(read_message(&mut other), Message::Verack(2));
    for nonce in 0..100 {
        write_message(&mut other, &Message::Pong(nonce));
        assert_eq!(read_message(&mut other), Message::Pong(nonce));
    }
    let inbox_and_link = u64::from(u16::MAX);
    let received = node.handle().link_bytes().values().map(|(_, received)| *received).max();
    assert!(received.is_some_and(|bytes| bytes < inbox_and_link), "{received:?}");
    assert!(heard.is_empty());
    drop(hold);
    for number in 0..2000 {
        assert_eq!(heard.recv_timeout(PATIENCE), Ok(message(number)));
    }
    node.stop();
}

#[test]
fn notices_arrive_in_order_and_do_not_starve_links() {
    let (write, heard) = diary();
    let gossip = fake(move |_, event, out| {
        match event {
            // Keeps itself busy with notices for ever.
            Event::Start => (0..200).for_each(|_| out.tell(ToGossip::PoolHasRoom)),
            Event::Notice(notice) => out.tell(notice),
            Event::Link(event) => write(event),
            _ => {}
        }
        None
    });
    let node = launch(vec![(RoleId::Gossip, gossip), (RoleId::Handshake, handshake()), (RoleId::Headers, idle())]);
    let mut stream = connect(&node);
    write_message(&mut stream, &Message::Verack(1));
    assert!(matches!(heard.recv_timeout(PATIENCE), Ok(LinkEvent::Up { .. })));
    assert_eq!(node.stop(), StopReason::Asked);
}

#[test]
fn the_first_signal_is_passed_on_and_a_file_size_limit_kills_nobody() {
    let (sender, signals) = bounded(1);
    let watch = signals::watch(move |number| sender.send(number).unwrap_or_default()).unwrap();
    signal_hook::low_level::raise(signal_hook::consts::SIGXFSZ).unwrap();
    signal_hook::low_level::raise(signal_hook::consts::SIGTERM).unwrap();
    assert_eq!(signals.recv_timeout(PATIENCE), Ok(signal_hook::consts::SIGTERM));
    // As `timeout` does; it would end this process.
    signal_hook::low_level::raise(signal_hook::consts::SIGTERM).unwrap();
    drop(watch);
    assert!(signals.try_recv().is_err(), "the same request");
}

fn connect(node: &Node) -> TcpStream {
    let stream = TcpStream::connect(node.local_address().unwrap()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    introduced(stream)
}

/// Both sides have said who they are.
fn introduced(mut stream: TcpStream) -> TcpStream {
    stream.write_all(&[9; 32]).unwrap();
    stream.read_exact(&mut [0; 32]).unwrap();
    stream
}

fn write_message(stream: &mut TcpStream, message: &Message) {
    stream.write_all(&Frame::new(message).to_bytes(MAGIC)).unwrap();
}

fn read_message(stream: &mut TcpStream) -> Message {
    let mut reader = FrameReader::new(MAGIC);
    loop {
        let mut bytes = vec![0; reader.wanted()];
        stream.read_exact(&mut bytes).unwrap();
        if let Some(frame) = reader.read(&mut &bytes[..]).unwrap() {
            return frame.open().unwrap();
        }
    }
}

/// Knows one name; drops the questions for all others.
#[derive(Debug)]
struct OneName(HostName, SocketAddr);

impl Resolve for OneName {
    fn resolve(&self, name: &HostName, answer: Answer) {
        if *name == self.0 {
            answer(Ok(vec![self.1]));
        }
    }
}

#[test]
fn each_question_for_a_name_is_answered_once_even_if_the_resolver_drops_it() {
    let name = |text: &str| match text.parse() {
        Ok(NodeAddress::Name(name)) => name,
        other => panic!("{other:?} is no name"),
    };
    let (known, unknown) = (name("a.example:1"), name("b.example:1"));
    let (write, heard) = diary();
    let asked = [unknown.clone(), known.clone()];
    let peers = fake(move |_, event, out| {
        match event {
            Event::Start => asked.iter().for_each(|name| out.resolve(name.clone())),
            Event::Notice(Notice::Peers(ToPeers::Resolved { name, result })) => write((name, result)),
            _ => {}
        }
        None
    });
    let node = launch_with(vec![(RoleId::Peers, peers)], Arc::new(OneName(known.clone(), loopback())));
    let answers = [(unknown, Err("nobody could be asked".to_owned())), (known, Ok(vec![loopback()]))];
    for answer in answers {
        assert_eq!(heard.recv_timeout(PATIENCE).expect("each is answered"), answer);
    }
    drop(node);
}

#[test]
fn the_system_knows_its_own_name() {
    let (tell, told) = bounded(1);
    let Ok(NodeAddress::Name(name)) = "localhost:7".parse() else { panic!("localhost is a name") };
    SystemResolver.resolve(&name, Box::new(move |result| drop(tell.send(result))));
    let addresses = told.recv_timeout(PATIENCE).expect("there is an answer").expect("it has an address");
    assert!(addresses.iter().all(|address| address.ip().is_loopback() && address.port() == 7), "{addresses:?}");
}

#[test]
fn a_node_listens_at_all_addresses_of_both_families_and_at_several() {
    let any = Listening::start(&Listen::Any(0)).unwrap();
    assert!(any.port() != 0);
    TcpStream::connect((loopback().ip(), any.port())).expect("it takes IPv4");
    let six = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], any.port()));
    if std::net::TcpListener::bind(SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 0))).is_ok() {
        TcpStream::connect(six).expect("it takes IPv6");
    }
    let several = Listening::start(&Listen::At(vec![loopback().into(), loopback().into()])).unwrap();
    for address in several.addresses() {
        TcpStream::connect(address).expect("it listens at each");
    }
    assert_eq!(several.addresses().len(), 2);
}
