//! Transactions of commands.

use super::*;
use crate::node::{
    command::{GossipCommand, Reply},
    notice::ToGossip,
};

#[test]
fn a_command_is_answered_once_with_the_verdict() {
    let mut node = node(&[1]);
    let good = transaction(1);
    let actions = node.command(7, submit(&good));
    assert!(actions.replies(7).is_empty());
    let checked = batches(&actions);
    let admits_1 = admits(&all_good(&mut node, &checked));
    let actions = answer(&mut node, &admits_1[0], Ok(()));
    assert_eq!(actions.replies(7), [Reply::Accepted(good.txid)]);
    assert_eq!(receivers(&actions, &[1]), [1]);
    // Once more: it goes all the way, and the ledger's word is passed on.
    let checked = batches(&node.command(8, submit(&good)));
    let admits_2 = admits(&all_good(&mut node, &checked));
    let replies = answer(&mut node, &admits_2[0], Err(Refusal::Known)).replies(8);
    assert_eq!(replies, [Reply::NotTaken(Refusal::Known)]);
}

#[test]
fn the_ledger_hears_whether_others_may_leave_for_a_transaction() {
    let mut node = node(&[1]);
    for (number, replace) in [(1, false), (2, true)] {
        let hashed = transaction(number);
        let bytes = hashed.transaction.to_bytes().into();
        let checked = batches(&node.command(7, GossipCommand::SubmitTransaction { bytes, replace }));
        let wish = |notice| if let ToLedger::Admit { replace, .. } = notice { Some(replace) } else { None };
        let told = all_good(&mut node, &checked).told::<ToLedger>();
        assert_eq!(told.into_iter().find_map(wish), Some(replace));
        let rival = Refusal::Rival(Hash([1; 32]));
        let replies = answer(&mut node, &(Origin::Command(Ticket(7)), hashed), Err(rival.clone())).replies(7);
        assert_eq!(replies, [Reply::NotTaken(rival)]);
    }
    // That says nothing about the transaction: a peer's is looked at.
    assert_eq!(batches(&offer(&mut node, 1, &transaction(1))).len(), 1);
}

#[test]
fn an_invalid_transaction_of_a_command_is_refused() {
    let mut node = node(&[]);
    node.command(7, submit(&transaction(1)));
    assert!(matches!(node.notice(bad(Origin::Command(Ticket(7)))).replies(7)[..], [Reply::Refused(_)]));
    let replies = node.command(8, GossipCommand::SubmitTransaction { bytes: vec![1].into(), replace: true }).replies(8);
    assert!(matches!(replies[..], [Reply::Refused(_)]));
    let checked = batches(&node.command(9, submit(&transaction(2))));
    let admits = admits(&all_good(&mut node, &checked));
    assert!(matches!(answer(&mut node, &admits[0], Err(missing())).replies(9)[..], [Reply::NotTaken(_)]));
}

#[test]
fn commands_are_taken_when_synced_and_on_test_chains_when_alone() {
    for (setup, state, taken) in [
        (setup(), SyncState::Isolated, true),
        (public_setup(), SyncState::Isolated, false),
        (public_setup(), SyncState::Synced, true),
        (setup(), SyncState::Headers, false),
    ] {
        let mut node = Driver::new(Gossip::new(&setup, Rng::from_number(1)));
        node.notice(ToGossip::State(state));
        let replies = node.command(1, submit(&transaction(1))).replies(1);
        assert_eq!(replies.is_empty(), taken, "{state}: {replies:?}");
    }
}
