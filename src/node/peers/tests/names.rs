use super::*;
use crate::{
    base::limits::{ATTEMPT_DELAY, RESOLVE_MAX},
    node::{Action, hindrance::HindranceId},
};

const SECOND: Duration = Duration::from_secs(1);

fn name(text: &str) -> HostName {
    match named(text) {
        NodeAddress::Name(name) => name,
        NodeAddress::Ip(address) => panic!("{address} is no name"),
    }
}

/// Questions for names, in order.
fn asked(actions: &Actions) -> Vec<String> {
    let name = |action: &Action| if let Action::Resolve(name) = action { Some(name.to_string()) } else { None };
    actions.0.iter().filter_map(name).collect()
}

fn answer(node: &mut Node, text: &str, addresses: &[SocketAddr]) -> Actions {
    node.notice(ToPeers::Resolved { name: name(text), result: Ok(addresses.to_vec()) })
}

fn fail(node: &mut Node, text: &str) -> Actions {
    node.notice(ToPeers::Resolved { name: name(text), result: Err("no such name".to_owned()) })
}

/// Runs until the role asks for a name.
fn until_asked(node: &mut Node, most: Duration) -> Actions {
    let mut all = Vec::new();
    for _ in 0..most.as_millis() / 100 {
        all.extend(node.run(Duration::from_millis(100)).0);
        if !asked(&Actions(all.clone())).is_empty() {
            return Actions(all);
        }
    }
    panic!("it asks for no name within {most:?}")
}

fn v6(n: u16) -> SocketAddr {
    SocketAddr::new([0x2001, n, 0, 0, 0, 0, 0, 1].into(), 4130)
}

const SEED: &str = "seed.example:4130";

fn kept() -> Setup {
    // Without slots for others, so that nothing is dialled from the book.
    Setup { connect_names: vec![name(SEED)], max_outbound: 0, ..public_setup() }
}

#[test]
fn all_addresses_of_a_name_are_tried_both_families_in_turns_until_one_leads_to_a_node() {
    let mut node = node(&kept());
    assert_eq!(asked(&node.start()), [SEED]);
    let first = answer(&mut node, SEED, &[v6(1), v6(2), v4(1), v4(2)]);
    assert_eq!(first.dialled(), [v6(1)]);
    assert_eq!(node.run(ATTEMPT_DELAY).dialled(), [v4(1)], "one that does not answer holds up nobody");
    let (dial, to) = first.dials()[0];
    assert_eq!(node.dial_failed(dial, to).dialled(), [], "the next one's time has not come");
    let next = node.run(ATTEMPT_DELAY);
    assert_eq!(next.dialled(), [v6(2)]);
    succeed(&mut node, &next, 1);
    assert_eq!(node.run(SECOND * 5).dialled(), []);
}

#[test]
fn a_name_is_resolved_before_each_dial_and_followed_when_it_moves() {
    let mut node = node(&kept());
    node.start();
    let actions = answer(&mut node, SEED, &[v4(1)]);
    succeed(&mut node, &actions, 1);
    node.pass(SECOND * 40);
    let actions = node.lost(1);
    assert_eq!((asked(&actions), actions.dialled()), (vec![SEED.to_owned()], vec![]), "not before the answer");
    let actions = answer(&mut node, SEED, &[v4(2)]);
    assert_eq!(actions.dialled(), [v4(2)]);
    succeed(&mut node, &actions, 2);
    assert_eq!(asked(&node.run(SECOND * 5)), [] as [String; 0]);
}

#[test]
fn a_name_that_does_not_resolve_is_told_and_asked_for_again_with_growing_pauses() {
    let mut node = node(&kept());
    node.start();
    let told = |actions: &Actions| {
        let text = |report: Report| match report {
            Report::Hindrance { id: HindranceId::NameUnresolved, finding, .. } => Some(finding.map(|one| one.text)),
            _ => None,
        };
        actions.reports().into_iter().filter_map(text).next_back()
    };
    let text = "names of peers cannot be resolved: seed.example:4130: no such name";
    assert_eq!(told(&fail(&mut node, SEED)), Some(Some(text.to_owned())));
    let mut waits = Vec::new();
    for _ in 0..6 {
        let before = node.now.mono;
        until_asked(&mut node, SECOND * 20);
        waits.push(node.now.mono.since(before));
        fail(&mut node, SEED);
    }
    assert!(waits[0] <= SECOND * 2 && waits[5] > SECOND * 9 && waits[5] <= RESOLVE_MAX + SECOND, "{waits:?}");
    until_asked(&mut node, SECOND * 20);
    let actions = answer(&mut node, SEED, &[v4(1)]);
    assert_eq!((told(&actions), actions.dialled()), (Some(None), vec![v4(1)]));
}

#[test]
fn while_the_name_server_fails_the_last_addresses_are_tried_again() {
    let mut node = node(&kept());
    node.start();
    let mut dials = answer(&mut node, SEED, &[v4(1)]).dials();
    let mut questions = 0;
    for _ in 0..100 {
        let mut actions: Vec<Action> = Vec::new();
        dials.into_iter().for_each(|(dial, to)| actions.extend(node.dial_failed(dial, to).0));
        actions.extend(node.run(SECOND / 2).0);
        let actions = Actions(actions);
        dials = actions.dials();
        if !asked(&actions).is_empty() {
            questions += 1;
            dials.extend(fail(&mut node, SEED).dials());
        }
        if questions > 2 && dials.iter().any(|(_, to)| *to == v4(1)) {
            return;
        }
    }
    panic!("it gave up after {questions} questions");
}

#[test]
fn a_bootnode_s_name_is_asked_for_only_while_the_book_does_not_offer_enough() {
    let mut node = node(&Setup { bootnode_names: vec![name(SEED)], max_outbound: 1, ..public_setup() });
    assert_eq!(asked(&node.start()), [SEED]);
    let actions = answer(&mut node, SEED, &[v4(1)]);
    succeed(&mut node, &actions, 1);
    assert_eq!(asked(&node.run(SECOND * 30)), [] as [String; 0]);
    assert_eq!(asked(&node.lost(1)), [SEED], "the book's only address has to wait");
}

#[test]
fn operators_add_and_drop_names() {
    let mut node = node(&public_setup());
    node.start();
    let actions = node.command(1, PeersCommand::AddPeer(named(SEED), None));
    assert_eq!((asked(&actions), actions.replies(1)), (vec![SEED.to_owned()], vec![Reply::Done]));
    let actions = answer(&mut node, SEED, &[v4(1)]);
    succeed(&mut node, &actions, 1);
    let actions = node.command(2, PeersCommand::DropPeer(named(SEED)));
    assert!(actions.said(1, GoodbyeCode::Operator) && actions.replies(2) == [Reply::Done]);
    node.lost(1);
    assert_eq!(asked(&node.run(SECOND * 60)), [] as [String; 0]);
    assert!(matches!(node.command(3, PeersCommand::DropPeer(named(SEED))).replies(3)[..], [Reply::NotFound(_)]));
}

#[test]
fn a_name_of_this_node_itself_is_left_alone() {
    let mut node = node(&Setup { own_addresses: vec![v4(9)], ..kept() });
    node.start();
    let actions = answer(&mut node, SEED, &[v4(9)]);
    assert_eq!((actions.dialled(), asked(&node.run(SECOND * 60))), (vec![], vec![]));
}
