//! Rounds that are asked for side by side.

use super::*;
use crate::{
    base::limits::SYNCS_IN_FLIGHT,
    wire::message::{Message, SERVICES},
};

/// A role that has asked a peer with this chain, and has its first hundred headers.
fn first_round(chain: &Chain) -> (Rig, Vec<Action>) {
    let mut rig = Rig::new(&Chain::new());
    rig.up_with(1, chain, |peer| peer.services = SERVICES);
    let actions = rig.sync(1, chain.headers(1..=100));
    (rig, actions)
}

fn skeleton(chain: &Chain, from: usize) -> Vec<Hash> {
    (from + 100..chain.rows.len()).step_by(100).map(|height| chain.hash(height)).collect()
}

fn says(rig: &mut Rig, hashes: Vec<Hash>) -> Vec<Action> {
    rig.receive(1, &Message::Skeleton(List::new(hashes).unwrap()))
}

fn sent(actions: &[Action]) -> Vec<Message> {
    actions.iter().filter_map(message).map(|(_, message)| message).collect()
}

/// Where the rounds begin that were asked for.
fn starts(actions: &[Action]) -> Vec<Hash> {
    questions(actions).iter().map(|(_, locator)| locator[0]).collect()
}

#[test]
fn once_the_sync_node_has_said_where_rounds_begin_many_are_under_way() {
    let chain = Chain::new().grow(2450, 0);
    let (mut rig, actions) = first_round(&chain);
    assert_eq!(starts(&actions), [chain.hash(100)]);
    assert!(sent(&actions).contains(&Message::GetSkeleton(chain.hash(100))));
    let asked = starts(&says(&mut rig, skeleton(&chain, 100)));
    let expected: Vec<Hash> = (2..=SYNCS_IN_FLIGHT).map(|round| chain.hash(round * 100)).collect();
    assert_eq!(asked, expected);
    for round in 1..24 {
        let asked = starts(&rig.sync(1, chain.headers(round * 100 + 1..=round * 100 + 100)));
        let next = (round + SYNCS_IN_FLIGHT) * 100;
        assert_eq!(asked, if next <= 2400 { vec![chain.hash(next)] } else { vec![] }, "round {round}");
    }
    assert_eq!(rig.take_stored(), chain.hashes(1..=2400));
    assert_eq!(starts(&rig.sync(1, chain.headers(2401..=2450))).len(), 1, "whether there is more");
    assert!(starts(&rig.sync(1, vec![])).is_empty());
}

#[test]
fn a_sealed_chain_is_synced_side_by_side_too() {
    let chain = super::sealed::chain(2450);
    let (mut provider, mut rig) = (super::sealed::rig(&chain), super::sealed::rig(&chain.first(0)));
    provider.up(1, &chain.first(0));
    let mut questions = sent(&rig.up_with(1, &chain, |peer| peer.services = SERVICES));
    let (mut rounds, mut most) = (0, 0);
    while !questions.is_empty() {
        most = most.max(questions.len());
        rounds += 1;
        let answer = sent(&provider.receive(1, &questions.remove(0)));
        let actions = answer.iter().flat_map(|answer| rig.receive(1, answer)).collect::<Vec<_>>();
        assert_eq!(faults(&actions), [], "round {rounds}");
        questions.extend(sent(&actions));
    }
    assert_eq!(rig.take_stored(), chain.hashes(1..=2449));
    assert_eq!(rounds, 2450usize.div_ceil(71) + 2, "and a skeleton, and whether there is more");
    assert_eq!(most, SYNCS_IN_FLIGHT);
}

#[test]
fn headers_are_not_asked_for_further_ahead_of_bodies_than_ever() {
    let chain = Chain::new().grow(4500, 0);
    let (mut rig, _) = first_round(&chain);
    let mut asked = starts(&says(&mut rig, skeleton(&chain, 100))).len() + 2;
    for round in 1.. {
        let Some(headers) = (round < asked).then(|| chain.headers(round * 100 + 1..=round * 100 + 100)) else { break };
        asked += starts(&rig.sync(1, headers)).len();
    }
    assert_eq!(asked, usize::try_from(crate::base::limits::HEADERS_AHEAD).unwrap().div_ceil(100));
}

#[test]
fn a_wrong_skeleton_costs_the_sync_its_pace_only() {
    let chain = Chain::new().grow(2450, 0);
    let (mut rig, _) = first_round(&chain);
    let mut wrong = skeleton(&chain, 100);
    wrong[1] = Hash([9; 32]);
    assert_eq!(starts(&says(&mut rig, wrong)).len(), SYNCS_IN_FLIGHT - 1);
    assert!(starts(&rig.sync(1, chain.headers(101..=200))).len() == 1, "nothing shows it yet");
    assert!(
        rig.sync(1, chain.headers(201..=300)).iter().all(|action| questions(std::slice::from_ref(action)).is_empty())
    );
    rig.take_stored();
    // The answers to what was asked for bring nothing, whatever they are.
    let mut last = rig.sync(1, vec![]);
    for round in 4..SYNCS_IN_FLIGHT + 1 {
        assert!(starts(&last).is_empty(), "{round}");
        last = rig.sync(1, chain.headers(round * 100 + 1..=round * 100 + 100));
    }
    last.extend(rig.sync(1, chain.headers(1..=2)));
    assert_eq!((faults(&last), starts(&last)), (vec![], vec![chain.hash(300)]), "the sync goes on");
    assert!(rig.take_stored().is_empty());
    let last = rig.sync(1, chain.headers(301..=400));
    assert_eq!(starts(&last), [chain.hash(400)], "round by round");
    rig.pass(Duration::from_secs(5));
    let last = rig.sync(1, chain.headers(401..=500));
    assert!(!sent(&last).iter().any(|message| matches!(message, Message::GetSkeleton(_))), "it is not asked again");
}

#[test]
fn a_peer_that_does_not_know_the_question_is_not_asked() {
    let chain = Chain::new().grow(2450, 0);
    let mut rig = Rig::new(&Chain::new());
    rig.up(1, &chain);
    let actions = rig.sync(1, chain.headers(1..=100));
    assert!(matches!(sent(&actions)[..], [Message::GetSync(_)]), "{actions:?}");
}

#[test]
fn a_skeleton_that_was_not_asked_for_is_a_fault() {
    let chain = Chain::new().grow(450, 0);
    let (mut rig, _) = first_round(&chain);
    assert!(faults(&says(&mut rig, skeleton(&chain, 100))).is_empty());
    assert_eq!(faults(&says(&mut rig, vec![])), [(1, PeerFault::Unexpected(crate::wire::message::Kind::Skeleton))]);
}

#[test]
fn a_skeleton_is_each_hundredth_hash_of_the_applied_chain() {
    let chain = Chain::new().grow(350, 0);
    let mut rig = Rig::new(&chain);
    rig.up(1, &Chain::new());
    let mut ask = |hash| sent(&rig.receive(1, &Message::GetSkeleton(hash))).pop();
    let answer = |hashes: Vec<Hash>| Some(Message::Skeleton(List::new(hashes).unwrap()));
    assert_eq!(ask(chain.hash(0)), answer(vec![chain.hash(100), chain.hash(200), chain.hash(300)]));
    assert_eq!(ask(chain.hash(150)), answer(vec![chain.hash(250), chain.hash(350)]));
    assert_eq!(ask(chain.hash(350)), answer(vec![]));
    assert_eq!(ask(Hash([7; 32])), answer(vec![]));
    let flood = (1, PeerFault::Flood("GetSkeleton"));
    let closed = (0..10).any(|_| faults(&rig.receive(1, &Message::GetSkeleton(chain.hash(0)))).contains(&flood));
    assert!(closed, "each question reads a thousand headers");
}

/// How many of so many peers of this host get a skeleton, each at once after its handshake.
fn skeletons_for(rig: &mut Rig, chain: &Chain, links: std::ops::Range<u64>, host: impl Fn(u64) -> String) -> usize {
    let mut got = 0;
    for link in links {
        rig.up_with(link, chain, |peer| peer.remote = host(link).parse().unwrap());
        let actions = rig.receive(link, &Message::GetSkeleton(chain.hash(0)));
        assert!(faults(&actions).is_empty(), "a peer does not pay for what others asked");
        got += sent(&actions).iter().filter(|sent| matches!(sent, Message::Skeleton(said) if !said.is_empty())).count();
        rig.down(link);
    }
    got
}

#[test]
fn coming_back_brings_no_more_skeletons_and_costs_other_networks_nothing() {
    let chain = Chain::new().grow(350, 0);
    let mut rig = Rig::new(&chain);
    let same = |link: u64| format!("10.7.0.{}:{}", link % 9, 1000 + link);
    assert_eq!(skeletons_for(&mut rig, &chain, 100..200, same), 4);
    assert_eq!(skeletons_for(&mut rig, &chain, 200..201, |_| "10.8.0.1:1".to_owned()), 1, "another network");
    rig.pass(SECOND * 3);
    assert_eq!(skeletons_for(&mut rig, &chain, 300..400, same), 3);
}

#[test]
fn all_networks_together_get_some_skeletons_a_second() {
    let chain = Chain::new().grow(350, 0);
    let mut rig = Rig::new(&chain);
    let each = |link: u64| format!("{}.{}.0.1:1000", 11 + link / 250, link % 250);
    assert_eq!(skeletons_for(&mut rig, &chain, 1000..2000, each), 64);
    rig.pass(SECOND);
    assert_eq!(skeletons_for(&mut rig, &chain, 3000..3500, each), 25);
}

#[test]
fn the_same_question_gets_another_answer_once_the_chain_has_grown() {
    let chain = Chain::new().grow(350, 0);
    let mut rig = Rig::new(&chain);
    rig.up(1, &Chain::new());
    let longer = chain.clone().grow(100, 0);
    for (chain, count) in [(&chain, 3), (&chain, 3), (&longer, 4)] {
        rig.archive.put(&chain.rows);
        rig.moved(chain);
        let answer = sent(&rig.receive(1, &Message::GetSkeleton(chain.hash(0))));
        assert!(matches!(&answer[..], [Message::Skeleton(said)] if said.len() == count), "{answer:?}");
    }
}
