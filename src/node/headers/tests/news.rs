//! Offered blocks, and what others are told.

use super::*;
use crate::node::notice::{ToFetch, ToGossip, ToLedger, ToMiner};
use crate::node::{Notice, RoleId};

#[test]
fn what_is_stored_goes_to_the_ledger_before_fetch_wants_it() {
    let chain = Chain::new().grow(3, 0);
    let mut rig = asking(&chain);
    let actions = rig.sync(1, chain.headers(1..=3));
    let place = |wanted: fn(&Notice) -> bool| {
        actions.iter().position(|action| matches!(action, Action::Tell(notice) if wanted(notice))).unwrap()
    };
    assert!(
        place(|notice| matches!(notice, Notice::Ledger(ToLedger::StoreHeaders(_))))
            < place(|notice| matches!(notice, Notice::Fetch(ToFetch::Want { .. })))
    );
}

#[test]
fn an_offered_block_that_extends_the_chain_is_stored_and_wanted() {
    let chain = Chain::new().grow(3, 0);
    let mut rig = synced(&chain);
    let next = chain.clone().grow(1, 0);
    let actions = offer(&mut rig, PEER, &next);
    assert_eq!((wants(&actions), dropped(&actions)), (vec![(3, vec![next.tip()])], vec![]));
    assert_eq!(rig.take_stored(), [next.tip()]);
    assert_eq!(dropped(&offer(&mut rig, PEER, &next)), [], "it is wanted already: no verdict until it is applied");
    assert_eq!(rig.state, SyncState::Synced, "a block on its way is no gap");
    // A rival of equal work is kept for what may come after it.
    let rival = chain.clone().grow(1, 7);
    let actions = offer(&mut rig, PEER, &rival);
    assert_eq!((wants(&actions), passed(&actions)), (vec![], vec![rival.tip()]));
    assert_eq!(rig.take_stored(), [rival.tip()]);
    let longer = rival.clone().grow(1, 7);
    assert_eq!(wants(&offer(&mut rig, PEER, &longer)), [(3, longer.hashes(4..=5))]);
}

#[test]
fn an_offered_block_without_a_known_parent_is_a_reason_to_ask() {
    let chain = Chain::new().grow(3, 0);
    let mut rig = synced(&chain);
    rig.pass(GET_SYNC_QUIET);
    let far = chain.clone().grow(4, 0);
    let actions = offer(&mut rig, PEER, &far);
    assert_eq!((dropped(&actions), faults(&actions), asked(&actions)), (vec![None], vec![], vec![1]));
    rig.sync(1, vec![]);
    assert_eq!(asked(&offer(&mut rig, PEER, &far)), [0; 0], "not again at once when nothing came of it");
    assert_eq!(asked(&rig.pass(GET_SYNC_QUIET)), [1], "but a little later");
    let command = Origin::Command(Ticket(1));
    assert_eq!(dropped(&offer(&mut rig, command, &far)), [Some("its parent is unknown".to_owned())]);
}

#[test]
fn an_invalid_offer_costs_a_peer_its_link_and_tells_a_command_why() {
    let chain = Chain::new().grow(3, 0);
    let mut rig = synced(&chain);
    let mut bad = chain.clone();
    let mut header = bad.draft(0);
    header.time -= 3;
    testkit::mine(&mut header);
    bad.push(header);
    let reason = dropped(&offer(&mut rig, Origin::Command(Ticket(1)), &bad)).remove(0).unwrap();
    assert!(reason.contains("is not after the median time"), "{reason}");
    let actions = offer(&mut rig, PEER, &bad);
    assert!(matches!(faults(&actions)[..], [(1, PeerFault::Header(HeaderFault::TooOld { .. }))]));
    assert_eq!(dropped(&offer(&mut rig, Origin::Command(Ticket(2)), &chain)), [Some("already known".to_owned())]);
}

#[test]
fn a_whole_sync_ends_synced_and_tells_everybody() {
    let chain = Chain::new().grow(150, 0);
    let mut rig = Rig::new(&Chain::new());
    assert_eq!(rig.state, SyncState::Connecting);
    rig.up(1, &chain);
    assert_eq!(rig.state, SyncState::Headers);
    rig.sync(1, chain.headers(1..=100));
    rig.moved(&chain.first(100));
    assert_eq!(rig.state, SyncState::Headers, "applied so far, but more is expected");
    rig.sync(1, chain.headers(101..=150));
    rig.sync(1, vec![]);
    assert_eq!(rig.state, SyncState::Blocks);
    let actions = rig.moved(&chain);
    assert_eq!(rig.state, SyncState::Synced);
    let told = actions
        .iter()
        .filter_map(|action| if let Action::Tell(notice) = action { Some(notice.clone()) } else { None })
        .filter(|notice| matches!(notice.role(), RoleId::Ledger | RoleId::Gossip | RoleId::Miner));
    let synced = SyncState::Synced;
    let expected: [Notice; 3] =
        [ToLedger::State(synced).into(), ToGossip::State(synced).into(), ToMiner::State(synced).into()];
    assert!(expected.iter().all(|notice| told.clone().any(|told| told == *notice)));
    rig.down(1);
    assert_eq!(rig.state, SyncState::Isolated);
}

/// The verdicts on announced blocks.
fn announce(rig: &mut Rig, chain: &Chain) -> (Vec<bool>, Vec<Action>) {
    announce_from(rig, 1, chain)
}

fn announce_from(rig: &mut Rig, link: u64, chain: &Chain) -> (Vec<bool>, Vec<Action>) {
    let row = chain.rows.last().unwrap();
    let (hash, header) = (row.hash, Box::new(row.header.clone()));
    let actions = rig.notice(ToHeaders::Announced { link: LinkId(link), hash, header });
    let verdict = |action: &Action| match action {
        Action::Tell(Notice::Fetch(ToFetch::HeaderJudged { is_wanted, .. })) => Some(*is_wanted),
        _ => None,
    };
    (actions.iter().filter_map(verdict).collect(), actions)
}

#[test]
fn the_header_of_an_announced_block_is_judged_and_nothing_is_kept_of_it() {
    let chain = Chain::new().grow(3, 0);
    let mut rig = synced(&chain);
    let (next, rival) = (chain.clone().grow(1, 0), chain.clone().grow(1, 7));
    for (wanted, told) in [(&next, true), (&rival, true), (&chain, false)] {
        let (verdicts, actions) = announce(&mut rig, wanted);
        assert_eq!((verdicts, wants(&actions), faults(&actions)), (vec![told], vec![], vec![]));
    }
    assert_eq!((rig.take_stored(), rig.state), (vec![], SyncState::Synced));
    assert_eq!(wants(&offer(&mut rig, PEER, &next)), [(3, vec![next.tip()])], "its body is here");
    assert_eq!(announce(&mut rig, &rival).0, [true], "as much work as ours");
    let old = Chain::new().grow(2, 9);
    assert_eq!(announce(&mut rig, &old).0, [false], "less work");
}

#[test]
fn an_invalid_header_of_an_announced_block_costs_its_teller_the_link() {
    let chain = Chain::new().grow(3, 0);
    let mut rig = synced(&chain);
    let mut bad = chain.clone().grow(1, 0);
    bad.rows.last_mut().unwrap().header.height = 9;
    let (verdicts, actions) = announce(&mut rig, &bad);
    assert_eq!((verdicts, faults(&actions).len()), (vec![false], 1));
}

#[test]
fn an_announced_block_without_a_known_parent_is_a_reason_to_ask_for_headers() {
    let chain = Chain::new().grow(3, 0);
    let mut rig = synced(&chain);
    rig.pass(GET_SYNC_QUIET);
    let (verdicts, actions) = announce(&mut rig, &chain.clone().grow(4, 0));
    assert_eq!((verdicts, faults(&actions), asked(&actions)), (vec![false], vec![], vec![1]));
}

/// Found by seed 89 (on e3e44b81): liars told of branches with much work, and all honest peers of a block on a rival of the node's tip, whose
/// body the node had never asked for. The header was judged of no use and forgotten: the node stayed behind for as long as a ping took.
#[test]
fn an_announced_block_with_more_work_than_ours_is_a_reason_to_ask_though_a_branch_of_headers_has_more() {
    let base = Chain::new().grow(9, 0);
    let mut rig = synced(&base.clone().grow(1, 0));
    let rival = base.clone().grow(1, 7);
    tell(&mut rig, 5, &rival, 10);
    rig.sync(5, vec![]);
    let false_branch = Chain::new().grow(40, 9);
    tell(&mut rig, 3, &false_branch, 1);
    rig.sync(3, vec![]);
    rig.pass(GET_SYNC_QUIET);
    let next = rival.grow(1, 7);
    let (verdicts, actions) = announce(&mut rig, &next);
    assert_eq!((verdicts, asked(&actions)), (vec![false], vec![1]));
    let actions = rig.sync(1, next.headers(10..=11));
    let told = candidates(&actions).pop().unwrap_or_default();
    assert!(told.contains(&(9, next.hashes(10..=11), vec![1])), "{told:?}");
    // Another peer that tells of it has it, too, and need not be asked for the headers.
    rig.up(7, &base);
    rig.sync(7, vec![]);
    rig.pass(GET_SYNC_QUIET);
    let (verdicts, actions) = announce_from(&mut rig, 7, &next);
    assert_eq!((verdicts, asked(&actions)), (vec![false], vec![]));
    let told = candidates(&actions).pop().unwrap_or_default();
    assert!(told.contains(&(9, next.hashes(10..=11), vec![1, 7])), "{told:?}");
}
