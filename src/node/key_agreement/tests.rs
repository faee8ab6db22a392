//! Two roles against each other, message by message.

use super::*;
use crate::node::{
    LinkEvent,
    testing::{Actions, Driver, logged, setup},
};

type Node = Driver<KeyAgreement>;

fn node(secret: u8) -> Node {
    let setup = Setup { key: NodeKey::new(Key([secret; 32])), ..setup() };
    Driver::new(KeyAgreement::new(&setup, Rng::from_number(u64::from(secret))))
}

fn id(secret: u8) -> NodeId {
    NodeKey::new(Key([secret; 32])).id()
}

fn step(node: &mut Node, step: AgreementStep) -> Actions {
    node.event(crate::node::Event::Link(LinkEvent::Agree { link: LinkId(1), step }))
}

fn begin(node: &mut Node, expected: Option<NodeId>, closed: bool) -> Actions {
    step(node, AgreementStep::Begin { expected, closed })
}

fn read(node: &mut Node, message: Vec<u8>, members: Option<&Members>) -> Actions {
    step(node, AgreementStep::Message { message, members: members.cloned().map(Arc::new) })
}

/// The message that a step gave, and the keys.
fn agreed(actions: &Actions) -> (Option<Vec<u8>>, Option<LinkKeys>) {
    match &actions.0[..] {
        [Action::Link(LinkAction::Agreed { message, keys, .. })] => (message.clone(), keys.as_deref().cloned()),
        other => panic!("{other:?}"),
    }
}

fn said(actions: &Actions) -> Vec<u8> {
    agreed(actions).0.expect("a message")
}

#[test]
fn on_an_open_chain_three_messages_make_two_nodes_known_to_each_other() {
    let (mut dialler, mut receiver) = (node(1), node(2));
    let first = said(&begin(&mut dialler, None, false));
    let second = said(&read(&mut receiver, first, None));
    let (third, ours) = agreed(&read(&mut dialler, second, None));
    let (none, theirs) = agreed(&read(&mut receiver, third.expect("a third message"), None));
    let (ours, theirs) = (ours.expect("keys"), theirs.expect("keys"));
    assert_eq!((ours.node, theirs.node, none), (id(2), id(1), None));
    assert_eq!((&ours.send, &ours.receive), (&theirs.receive, &theirs.send));
    assert!(dialler.role.links.is_empty() && receiver.role.links.is_empty());
}

#[test]
fn a_dialler_that_expects_another_node_does_not_say_who_it_is() {
    let (mut dialler, mut receiver) = (node(1), node(2));
    let first = said(&begin(&mut dialler, Some(id(3)), false));
    let second = said(&read(&mut receiver, first, None));
    assert_eq!(read(&mut dialler, second, None).fault(1), Some(PeerFault::WrongNode(id(2))));
    assert!(dialler.role.links.is_empty());
}

#[test]
fn members_link_and_a_stranger_hears_nothing() {
    let members = Members::from([id(1), id(2)]);
    for (secret, is_member) in [(1, true), (3, false)] {
        let (mut dialler, mut receiver) = (node(secret), node(2));
        let first = said(&begin(&mut dialler, Some(id(2)), true));
        let answer = read(&mut receiver, first, Some(&members));
        if is_member {
            let (second, theirs) = agreed(&answer);
            let (third, ours) = agreed(&read(&mut dialler, second.expect("a second message"), Some(&members)));
            assert_eq!((third, theirs.unwrap().node, ours.unwrap().node), (None, id(1), id(2)));
        } else {
            assert!(answer.said(1, GoodbyeCode::Operator) && answer.0.len() == 1, "{answer:?}");
        }
    }
}

#[test]
fn strangers_are_named_in_the_log_once_in_a_while() {
    let mut receiver = node(2);
    let members = Members::from([id(2)]);
    let mut try_to_link = |secret: u8| {
        let first = said(&begin(&mut node(secret), Some(id(2)), true));
        let ((), lines) = logged(|| drop(read(&mut receiver, first, Some(&members))));
        lines.into_iter().filter(|line| line.starts_with("WARN")).collect::<Vec<_>>()
    };
    let stranger = node_id::to_text(&id(3), &setup().spec.prefix);
    assert_eq!(try_to_link(3), [format!("WARN a node that is no member was refused node={stranger}")]);
    assert!((4..50).all(|secret| try_to_link(secret).is_empty()));
    drop(receiver.run(WARN_INTERVAL));
    assert_eq!(receiver.role.links.len(), 0);
}

#[test]
fn garbage_ends_the_agreement_and_leaves_nothing() {
    let mut receiver = node(2);
    said(&read(&mut receiver, vec![7; 32], None));
    assert_eq!(receiver.role.links.len(), 1);
    assert!(matches!(read(&mut receiver, vec![7; 64], None).fault(1), Some(PeerFault::KeyAgreement(_))));
    assert!(receiver.role.links.is_empty());
    said(&read(&mut receiver, vec![7; 32], None));
    receiver.lost(1);
    assert!(receiver.role.links.is_empty(), "its link is gone");
}
