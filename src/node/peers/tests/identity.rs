//! Nodes by their identity: hints about addresses, pins, members, bans and partitions.

use super::*;
use crate::{
    base::ids::NodeId,
    node::{LinkAction, Members, NodeAddress, notice::ToHandshake, testing::some_node},
};

/// The addresses that were dialled, each with the node that must answer.
fn expected(actions: &Actions) -> Vec<(SocketAddr, Option<NodeId>)> {
    let dial = |action: &crate::node::Action| match action {
        crate::node::Action::Link(LinkAction::Dial { address, node, .. }) => Some((*address, *node)),
        _ => None,
    };
    actions.0.iter().filter_map(dial).collect()
}

fn kept_out(actions: &Actions) -> crate::node::notice::KeptOut {
    match actions.told::<ToHandshake>().pop() {
        Some(ToHandshake::Barred(out)) => out,
        other => panic!("{other:?}"),
    }
}

fn book(node: &mut Node) -> Vec<BookEntry> {
    match node.command(99, PeersCommand::Book).replies(99).pop() {
        Some(Reply::Book { entries, .. }) => entries,
        other => panic!("{other:?}"),
    }
}

/// Tells an address with a claim about its node.
fn claimed(to: SocketAddr, node: NodeId) -> Message {
    Message::Peers(List::truncated([PeerAddress::new(to, UnixTime(epoch())).with_node(Some(node))]))
}

#[test]
fn a_claimed_id_is_a_hint_until_a_dial_proves_another() {
    let memory = Memory::default();
    let mut node = node_on(&setup(), &memory);
    node.start();
    join(&mut node, 1, "127.0.0.1:4131");
    let (to, liar) = (loopback(4140), some_node(7));
    let actions = node.receive(1, &claimed(to, liar));
    assert_eq!(expected(&actions), [(to, None)], "on an open chain anybody may answer");
    assert_eq!(book(&mut node).iter().find(|entry| entry.address == to).unwrap().node, Some(liar));
    succeed(&mut node, &actions, 2);
    let proven = some_node(u64::from(to.port()));
    assert_eq!(book(&mut node).iter().find(|entry| entry.address == to).unwrap().node, Some(proven));
    node.receive(1, &claimed(to, liar));
    assert_eq!(book(&mut node).iter().find(|entry| entry.address == to).unwrap().node, Some(proven));
    let anchor = Anchor { address: to, node: Some(proven) };
    assert_eq!(memory.contents().anchors, [anchor]);
    // What was proven is told, too.
    join(&mut node, 3, "127.0.0.1:4133");
    let actions = node.receive(3, &Message::GetPeers);
    let told = actions.sent(3).into_iter().find_map(|message| match message {
        Message::Peers(list) => Some(list),
        _ => None,
    });
    let told = told.expect("an answer");
    assert_eq!(told.iter().find(|one| one.socket_address() == to).unwrap().node(), Some(proven));
}

#[test]
fn among_members_a_dial_names_its_node_and_an_unknown_one_is_not_dialled() {
    let [member, other, stranger] = [20, 21, 22].map(some_node);
    let memory = Memory::default();
    memory.inner().0.anchors = vec![Anchor { address: loopback(4150), node: Some(other) }];
    let members = Members::from([member, other, some_node(4131)]);
    let mut node = node_on(&Setup { members: Some(members), ..setup() }, &memory);
    assert_eq!(expected(&node.start()), [(loopback(4150), Some(other))], "an anchor's node is known");
    join(&mut node, 1, "127.0.0.1:4131");
    let actions = node.receive(1, &claimed(loopback(4140), member));
    assert_eq!(expected(&actions), [(loopback(4140), Some(member))]);
    let actions = node.receive(1, &claimed(loopback(4141), stranger));
    assert_eq!(expected(&actions), [(loopback(4141), None)], "the endpoint refuses this dial at once");
}

#[test]
fn an_operator_pins_a_node_at_an_address_or_a_name() {
    let mut node = node(&setup());
    node.start();
    let to = NodeAddress::Ip(loopback(4140));
    let actions = node.command(1, PeersCommand::AddPeer(to, Some(some_node(5))));
    assert_eq!(expected(&actions), [(loopback(4140), Some(some_node(5)))]);
}

#[test]
fn a_node_is_banned_wherever_it_comes_from_and_good_nodes_of_its_address_come_back() {
    let memory = Memory::default();
    let mut node = node_on(&public_setup(), &memory);
    node.start();
    // Links of one address; the nodes are those of the listening ports.
    join(&mut node, 1, "9.1.1.1:4130");
    let nonce = pings(&join(&mut node, 2, "9.1.1.1:4131"), 2)[0];
    node.receive(2, &Message::Pong(nonce));
    let actions = node.closed(1, CloseReason::Fault(PeerFault::InvalidBranch));
    let out = kept_out(&actions);
    assert_eq!(out.ips, BTreeSet::from(["9.1.1.1".parse().unwrap()]));
    assert_eq!((out.nodes, out.spared), (BTreeSet::from([some_node(4130)]), BTreeSet::from([some_node(4131)])));
    // The handshake role may not have heard of it when the node came from elsewhere.
    assert!(join(&mut node, 3, "9.7.1.1:4130").said(3, GoodbyeCode::Banned));
    assert!(join(&mut node, 4, "9.1.1.1:4131").closed(4).is_none());
    let again = node_on(&public_setup(), &memory).start();
    assert_eq!(kept_out(&again).nodes, BTreeSet::from([some_node(4130)]), "it outlives a restart");
    let who = Banned::Node(some_node(4130));
    assert_eq!(node.command(5, PeersCommand::Unban(who)).replies(5), [Reply::Done]);
    assert!(join(&mut node, 6, "9.7.1.1:4130").closed(6).is_none());
    let ban = PeersCommand::Ban { who, time: Duration::from_secs(60), reason: "test".to_owned() };
    assert!(node.command(7, ban).said(6, GoodbyeCode::Banned));
}

#[test]
fn a_partition_by_identity_closes_links_and_heals_at_once() {
    let mut node = node(&connecting(&["127.0.0.1:4131"]));
    let actions = node.start();
    succeed(&mut node, &actions, 1);
    join(&mut node, 2, "127.0.0.1:4132");
    let denied = vec![some_node(4131), some_node(4132)];
    let actions = node.command(1, PeersCommand::Deny(Vec::new(), denied.clone()));
    assert!(actions.said(1, GoodbyeCode::Operator) && actions.said(2, GoodbyeCode::Operator));
    assert_eq!(kept_out(&actions).denied_nodes, denied.into_iter().collect());
    for link in [1, 2] {
        node.closed(link, CloseReason::Local(GoodbyeCode::Operator));
    }
    assert!(node.run(Duration::from_secs(30)).dialled().is_empty(), "it is known who answers there");
    assert!(node.command(2, PeersCommand::Allow).dialled().contains(&loopback(4131)));
}
