//! The mempool's policy, and the mempool over blocks and restarts.

use super::*;
use crate::{
    base::{ids::Ticket, limits},
    chain::{rules::TransactionFault, testkit},
    node::{
        Role,
        command::{LedgerCommand, Reply},
        hindrance::HindranceId,
        notice::{ToFetch, ToGossip},
        report::Report,
    },
};

/// What a transaction takes of the mempool's limit.
fn cost(transaction: &Transaction) -> usize {
    bytes(transaction).len() + limits::MEMPOOL_ENTRY_BYTES
}

/// A child of `parent`'s first output, paying to account 8.
fn child(node: &Node, parent: &Transaction, fee: u64) -> Transaction {
    let outpoint = Transaction::outpoint(parent.txid(), 0);
    let coin = Coin { amount: parent.outputs[0].amount, address: key(8).address(), height: 1, coinbase: false };
    spend_coin(&node.maker(), &key(8), outpoint, &coin, fee)
}

#[test]
fn a_transaction_is_taken_once_and_rivals_that_pay_too_little_are_refused() {
    let mut node = Node::new();
    let maker = node.maker();
    let (one, rival, better) =
        (pay_all(&maker, &key(0), 10), pay_all(&maker, &key(0), 20), pay_all(&maker, &key(0), 1000));
    assert_eq!(node.admit(&one), Ok(()));
    assert_eq!(node.admit(&one), Err(Refusal::Known));
    let needed = 10 + bytes(&rival).len() as u64;
    assert_eq!(node.admit(&rival), Err(Refusal::Underpaid { rival: one.txid(), fee: 20, needed }));
    assert_eq!(node.pool(), [one.txid()]);
    assert_eq!(node.admit(&better), Ok(()), "it pays for what it takes the place of, and for itself");
    assert_eq!(node.pool(), [better.txid()]);
}

/// Two programs that look first and submit then have looked at the same moment.
#[test]
fn who_wants_nobody_to_leave_is_refused_in_the_step_that_would_replace() {
    let mut node = Node::new();
    let maker = node.maker();
    let (one, better) = (pay_all(&maker, &key(0), 10), pay_all(&maker, &key(0), 1000));
    let keeping = |node: &mut Node, transaction| node.offer(Origin::Command(Ticket(1)), transaction, false);
    assert_eq!(keeping(&mut node, &one), Ok(()));
    assert_eq!(keeping(&mut node, &one), Err(Refusal::Known), "it is no rival of its own");
    assert_eq!(keeping(&mut node, &better), Err(Refusal::Rival(one.txid())));
    assert_eq!((node.pool(), submitted(&node).len()), (vec![one.txid()], 1), "nothing has changed");
    assert_eq!(node.submit(&better), Ok(()), "with the usual wish it takes the place");
    assert_eq!(node.pool(), [better.txid()]);
}

#[test]
fn a_transaction_that_the_next_block_could_not_hold_is_refused_with_the_reason() {
    let mut node = Node::new();
    let mut maker = node.maker();
    let block = made(&mut maker, vec![]);
    node.blocks(&[block]);
    let missing = OutPoint { txid: Hash([1; 32]), index: 0 };
    let (outpoint, coin) = maker.spendable(&key(0).address()).next().map(|(o, c)| (o, c.clone())).unwrap();
    let refused = |fault| Err(Refusal::Invalid(fault));
    assert_eq!(node.admit(&spend_coin(&maker, &key(0), missing, &coin, 0)), refused(TransactionFault::MissingCoin(0)));
    assert_eq!(node.admit(&spend_coin(&maker, &key(1), outpoint, &coin, 0)), refused(TransactionFault::WrongKey(0)));
    let reward = maker.coins().iter().find(|(_, coin)| coin.height == 1).map(|(o, c)| (*o, c.clone())).unwrap();
    let matures = 1 + node.spec.parameters.maturity;
    let early = spend_coin(&maker, &key(9), reward.0, &reward.1, 0);
    assert_eq!(node.admit(&early), refused(TransactionFault::Immature { input: 0, matures }));
    // The last block before the one that may hold it.
    let blocks = empty(&mut maker, node.spec.parameters.maturity as usize - 1);
    node.blocks(&blocks);
    assert_eq!(node.admit(&early), Ok(()));
}

#[test]
fn blocks_take_out_the_transactions_that_they_confirm_or_contradict() {
    let mut node = Node::new();
    let mut maker = node.maker();
    let (confirmed, loser) = (pay_all(&maker, &key(0), 10), pay_all(&maker, &key(1), 10));
    let (heir, orphan) = (child(&node, &confirmed, 20), child(&node, &loser, 20));
    for transaction in [&confirmed, &loser, &heir, &orphan] {
        node.admit(transaction).unwrap();
    }
    let winner = pay_all(&maker, &key(1), 0);
    let block = made(&mut maker, vec![confirmed.clone(), winner]);
    let actions = node.blocks(&[block]);
    assert_eq!(node.pool(), [heir.txid()], "the child of the confirmed one stays, the loser's goes with it");
    let told = actions.iter().find_map(|action| match action {
        Action::Tell(Notice::Fetch(ToFetch::PoolChanged { added, removed })) => Some((added.len(), removed.len())),
        _ => None,
    });
    assert_eq!(told, Some((0, 3)));
    assert_eq!(node.admit(&confirmed), Err(Refusal::Confirmed));
    assert!(matches!(node.admit(&loser), Err(Refusal::Invalid(TransactionFault::MissingCoin(0)))));
}

#[test]
fn a_chain_of_unconfirmed_transactions_has_an_end() {
    let mut node = Node::new();
    let mut last = pay_all(&node.maker(), &key(0), 1);
    node.admit(&last).unwrap();
    for _ in 0..limits::MEMPOOL_ANCESTORS {
        last = child(&node, &last, 1);
        assert_eq!(node.admit(&last), Ok(()));
    }
    // Who asks first hears the same.
    let long = child(&node, &last, 1);
    let asked = LedgerCommand::MayReplace(Arc::new(HashedTransaction::new(long.clone())));
    let said = node.event(Event::Command(Ticket(5), asked.into()));
    let refusal = Refusal::Ancestors(limits::MEMPOOL_ANCESTORS);
    assert!(said.contains(&Action::Reply(Ticket(5), Reply::NotTaken(refusal.clone()))), "{said:?}");
    assert_eq!(node.admit(&long), Err(refusal));
}

#[test]
fn the_chain_s_least_fee_rate_is_kept() {
    let mut spec = ChainSpec::local();
    spec.min_fee_rate = 1000;
    let mut node = Node::with(&setup(&Arc::new(spec)));
    let free = pay_all(&node.maker(), &key(0), 0);
    let needed = bytes(&free).len() as u64;
    assert_eq!(node.admit(&free), Err(Refusal::Fee { fee: 0, needed }));
    assert_eq!(node.admit(&pay_all(&node.maker(), &key(0), needed)), Ok(()));
}

#[test]
fn a_full_mempool_gives_up_the_lowest_fee_rates_with_their_descendants() {
    let maker = BlockMaker::new(Arc::new(ChainSpec::local()));
    let one = pay_all(&maker, &key(0), 100);
    let mut node = Node::with_mempool(4 * cost(&one));
    let poor_child = child(&node, &one, 110);
    for transaction in [&one, &poor_child, &pay_all(&maker, &key(2), 300), &pay_all(&maker, &key(3), 400)] {
        node.admit(transaction).unwrap();
    }
    let before = node.pool();
    let Err(Refusal::Fee { fee: 99, needed }) = node.admit(&pay_all(&maker, &key(4), 99)) else { panic!("refused") };
    assert!((101..=102).contains(&needed), "{needed}");
    assert_eq!(node.pool(), before, "a refusal changes nothing");
    let rich = pay_all(&maker, &key(4), 200);
    assert_eq!(node.admit(&rich), Ok(()));
    let pool = node.pool();
    assert_eq!(pool.len(), 3);
    assert!(pool.contains(&rich.txid()) && !pool.contains(&one.txid()) && !pool.contains(&poor_child.txid()));
    // A child never pushes out its own parent.
    node.admit(&pay_all(&maker, &key(5), 350)).unwrap();
    let precious = child(&node, &rich, 5000);
    assert_eq!(node.admit(&precious), Ok(()));
    assert!(node.pool().contains(&rich.txid()) && node.pool().len() == 4);
}

#[test]
fn gossip_is_told_once_when_a_mempool_that_was_full_has_room_again() {
    let mut maker = BlockMaker::new(Arc::new(ChainSpec::local()));
    let payments: Vec<Transaction> = (0..3).map(|n| pay_all(&maker, &key(n), 100)).collect();
    let mut node = Node::with_mempool(2 * cost(&payments[0]));
    let has_room = |actions: &[Action]| actions.contains(&Action::Tell(Notice::Gossip(ToGossip::PoolHasRoom)));
    for payment in &payments[..2] {
        node.admit(payment).unwrap();
    }
    let block = made(&mut maker, vec![payments[0].clone()]);
    assert!(!has_room(&node.blocks(&[block])), "nothing was turned away");
    node.admit(&pay_all(&maker, &key(4), 100)).unwrap();
    assert!(matches!(node.admit(&payments[2]), Err(Refusal::Fee { .. })));
    let block = made(&mut maker, vec![payments[1].clone()]);
    assert!(has_room(&node.blocks(&[block])));
    assert!(!has_room(&node.blocks(&empty(&mut maker, 1))));
}

#[test]
fn a_transaction_that_waits_too_long_is_dropped() {
    let mut node = Node::new();
    node.admit(&pay_all(&node.maker(), &key(0), 1)).unwrap();
    node.now.unix.0 += limits::MEMPOOL_EXPIRY.as_secs();
    node.now.mono = node.ledger.deadline().expect("a look is due");
    node.event(Event::Wake);
    assert_eq!(node.pool().len(), 1);
    node.now.unix.0 += 1;
    node.now.mono = node.ledger.deadline().expect("another look is due");
    node.event(Event::Wake);
    assert_eq!(node.pool(), []);
    assert_eq!(node.ledger.deadline(), None);
}

#[test]
fn a_clean_stop_keeps_the_mempool_and_a_forged_copy_of_it_is_noticed() {
    let mut node = Node::new();
    let maker = node.maker();
    let parent = pay_all(&maker, &key(0), 1);
    // The child pays more and so stands before its parent by rank, but not in the file.
    let heir = child(&node, &parent, 900);
    let other = pay_all(&maker, &key(1), 5);
    for transaction in [&parent, &heir, &other] {
        node.admit(transaction).unwrap();
    }
    let kept = node.pool();
    node.event(Event::Stop);
    assert_eq!(node.store.commits().last(), Some(&true));
    assert_eq!(node.store.committed().mempool.len(), 3);
    let actions = node.restart();
    assert_eq!(node.pool(), kept);
    let told =
        |a: &Action| matches!(a, Action::Tell(Notice::Fetch(ToFetch::PoolChanged { added, .. })) if added.len() == 3);
    assert!(actions.iter().any(told));

    let mut forged = other.clone();
    forged.inputs.as_mut_slice()[0].signature[0] ^= 1;
    use crate::chain::archive::LedgerStore;
    let saved = [bytes(&parent), bytes(&forged), bytes(&heir), vec![1, 2, 3].into()];
    node.store.save_mempool(&mut saved.into_iter()).unwrap();
    node.restart();
    assert_eq!(node.pool(), [heir.txid(), parent.txid()]);
}

#[test]
fn what_users_submitted_survives_a_kill_with_what_it_builds_on() {
    let mut node = Node::new();
    let maker = node.maker();
    let parent = pay_all(&maker, &key(0), 1);
    let heir = child(&node, &parent, 900);
    let (own, of_a_peer) = (pay_all(&maker, &key(1), 5), pay_all(&maker, &key(2), 5));
    for transaction in [&parent, &of_a_peer] {
        node.admit(transaction).unwrap();
    }
    assert!(node.store.committed().submitted.is_empty(), "nothing is written of what peers send");
    for transaction in [&heir, &own] {
        node.submit(transaction).unwrap();
    }
    let kept = [bytes(&parent), bytes(&heir), bytes(&own)];
    assert_eq!(submitted(&node), kept);
    assert!(node.submit(&own).is_err(), "it is there");
    assert_eq!(node.store.committed().submitted.len(), 3, "each is written once");

    node.restart();
    let mut restored = node.pool();
    restored.sort_unstable();
    let mut expected = [parent.txid(), heir.txid(), own.txid()];
    expected.sort_unstable();
    assert_eq!(restored, expected);
    assert_eq!(submitted(&node), kept, "also after another kill");
    let actions = node.notice(ToLedger::State(SyncState::Synced));
    let told: Vec<Hash> = admitted(&actions).into_iter().map(|(_, txid, _)| txid).collect();
    assert_eq!(told, [parent.txid(), heir.txid(), own.txid()], "they are relayed once the node is synced");

    node.event(Event::Stop);
    assert_eq!(node.store.committed().mempool.len(), 3);
    node.restart();
    assert_eq!((node.pool().len(), submitted(&node)), (3, kept.to_vec()), "after a clean stop, too");
}

#[test]
fn a_payment_that_cannot_be_kept_is_told_of_and_kept_once_there_is_room() {
    let mut node = Node::new();
    let maker = node.maker();
    let found = |actions: &[Action]| -> Vec<Option<String>> {
        let of = |action: &Action| match action {
            Action::Report(Report::Hindrance { id: HindranceId::PaymentsUnkept, finding, .. }) => {
                Some(finding.as_ref().map(|finding| finding.text.clone()))
            }
            _ => None,
        };
        actions.iter().filter_map(of).collect()
    };
    let submit = |node: &mut Node, number: u32| {
        let transaction = Arc::new(HashedTransaction::new(pay_all(&maker, &key(number), 5)));
        node.notice(ToLedger::Admit { origin: Origin::Command(Ticket(1)), transaction, replace: true })
    };
    assert_eq!(found(&submit(&mut node, 1)), []);
    node.store.set_full(true);
    let text = "payments of this node's users are not kept over a restart: disk: no space left on device";
    let actions = submit(&mut node, 2);
    assert_eq!((admitted(&actions)[0].2.clone(), found(&actions)), (Ok(()), vec![Some(text.to_owned())]));
    assert_eq!(found(&submit(&mut node, 3)), [], "it is told once");
    assert_eq!((node.pool().len(), submitted(&node).len()), (3, 1));
    node.store.set_full(false);
    node.now.mono = node.ledger.deadline().unwrap();
    assert_eq!(found(&node.event(Event::Wake)), [None]);
    assert_eq!(submitted(&node).len(), 3);
}

#[test]
fn a_payment_waits_over_kills_for_a_chain_that_is_downloaded_again() {
    let mut node = Node::new();
    let mut maker = node.maker();
    let parent = pay_all(&maker, &key(0), 1);
    let block = made(&mut maker, vec![parent.clone()]);
    node.blocks(std::slice::from_ref(&block));
    let own = child(&node, &parent, 900);
    node.submit(&own).unwrap();
    let kept = node.store.committed().submitted;

    let mut node = Node::new();
    node.store.damage(|data| data.submitted = kept.clone());
    for _ in 0..2 {
        node.restart();
        assert_eq!((node.pool(), node.store.working().submitted), (vec![], kept.clone()), "its coin is not there yet");
    }
    node.blocks(&[block]);
    node.synced();
    assert_eq!(node.pool(), [own.txid()]);
}

#[test]
fn a_payment_whose_block_is_abandoned_survives_a_kill_before_and_one_after() {
    let mut node = Node::new();
    node.synced();
    let (mut ours, mut theirs) = (node.maker(), node.maker());
    let own = pay_all(&ours, &key(0), 1);
    node.submit(&own).unwrap();
    node.blocks(&[made(&mut ours, vec![own.clone()])]);
    node.restart();
    assert!(node.pool().is_empty(), "it is confirmed");
    node.synced();
    node.blocks(&empty(&mut theirs, 2));
    node.event(Event::Wake);
    assert_eq!(node.pool(), [own.txid()]);
    node.restart();
    assert_eq!(node.pool(), [own.txid()]);
}

#[test]
fn a_payment_of_users_expires_over_restarts() {
    let mut node = Node::new();
    let own = pay_all(&node.maker(), &key(0), 1);
    node.submit(&own).unwrap();
    node.now.unix.0 += limits::MEMPOOL_EXPIRY.as_secs();
    node.restart();
    assert_eq!(node.pool(), [own.txid()]);
    node.now.unix.0 += 1;
    node.now.mono = node.now.mono + limits::MEMPOOL_EXPIRY_CHECK;
    node.event(Event::Wake);
    assert!(node.pool().is_empty());
    for _ in 0..2 {
        node.restart();
        node.synced();
        assert!(node.pool().is_empty());
    }
    assert!(submitted(&node).is_empty());
}

#[test]
fn the_store_forgets_submitted_transactions_once_they_are_in_blocks() {
    let mut node = Node::new();
    let mut maker = node.maker();
    let mut last = pay_all(&maker, &key(0), 1);
    let (mut most, mut all) = (0, 0);
    for _ in 0..120 {
        node.submit(&last).unwrap();
        let kept: usize = submitted(&node).iter().map(|bytes| bytes.len()).sum();
        (most, all) = (most.max(kept), all + bytes(&last).len());
        let block = made(&mut maker, vec![last.clone()]);
        node.blocks(&[block]);
        // The block is stored.
        node.now.mono = node.now.mono + limits::SYNCED_RECENTLY;
        node.event(Event::Wake);
        let fee = 10_000;
        let mut outputs = vec![Output { amount: 1, address: key(8).address() }; limits::MAX_OUTPUTS];
        outputs[0].amount = last.outputs[0].amount - fee - (limits::MAX_OUTPUTS as u64 - 1);
        let coin = Transaction::outpoint(last.txid(), 0);
        last = testkit::spend(&[(coin, last.outputs[0].amount, &key(8))], outputs, b"", &node.spec.genesis_hash());
    }
    assert!(all > 600_000 && most < 540_000, "{all} {most}");
}

#[test]
fn a_transaction_that_a_double_spend_in_a_side_branch_hits_stays() {
    let mut node = Node::new();
    let mut ours = node.maker();
    let mut theirs = ours.fork();
    let waiting = pay_all(&ours, &key(0), 1);
    let first = made(&mut ours, vec![]);
    node.blocks(&[first]);
    node.admit(&waiting).unwrap();
    let output = vec![Output { amount: 5, address: key(3).address() }];
    let coin = &waiting.inputs[0];
    let rival = testkit::spend(&[(coin.outpoint, coin.amount, &key(0))], output, b"", &node.spec.genesis_hash());
    let side = made(&mut theirs, vec![rival]);
    node.blocks(&[side]);
    assert_eq!(node.pool(), [waiting.txid()]);
    let more = made(&mut theirs, vec![]);
    node.blocks(&[more]);
    assert_eq!(node.pool(), [], "once the branch wins, it goes");
}

/// The encodings of what is kept of users.
fn submitted(node: &Node) -> Vec<Bytes> {
    node.store.committed().submitted.into_iter().map(|submission| submission.bytes).collect()
}
