//! Tests of the role.

use super::*;
use crate::{
    base::{
        bytes::Bytes,
        ids::{LinkId, Ticket},
    },
    chain::{
        block::{HashedBlock, HashedTransaction},
        key::SecretKey,
        testkit::{self, BlockMaker},
        transaction::Transaction,
    },
    node::{
        Action, AnyRole, CloseReason, Event, LinkAction, Notice,
        ledger::fake::setup,
        notice::{ToFetch, ToGossip, ToLedger, ToVerify},
    },
    wire::{frame::FrameFault, message::Message},
};

const PEER: Origin = Origin::Link(LinkId(3));

struct Bench {
    verify: Verify,
    maker: BlockMaker,
}

impl Bench {
    fn new() -> Self {
        let spec = Arc::new(ChainSpec::local());
        let verify = Verify::new(&setup(&spec), Rng::from_number(1));
        Self { verify, maker: BlockMaker::new(spec) }
    }

    fn notice(&mut self, notice: impl Into<Notice>) -> Vec<Action> {
        let mut out = Outbox::default();
        self.verify.hear(Now::default(), Event::Notice(notice.into()), &mut out);
        out.drain().collect()
    }

    fn check(&mut self, origin: Origin, hash: Hash, body: &Bytes, checked: &[&HashedTransaction]) -> Vec<Action> {
        let frame = Frame::new(&Message::Block(body.clone()));
        let checked = Arc::new(checked.iter().map(|one| (one.leaf, Arc::new((*one).clone()))).collect());
        self.notice(ToVerify::CheckBlock { origin, hash, frame, checked, parts: None })
    }

    fn check_transactions(&mut self, transactions: Vec<(Origin, &Transaction)>) -> Vec<Action> {
        let unchecked = transactions.into_iter().map(|(origin, transaction)| {
            let transaction = Arc::new(HashedTransaction::new(transaction.clone()));
            UncheckedTransaction { origin, transaction }
        });
        self.notice(ToVerify::CheckTransactions(unchecked.collect()))
    }

    /// A block with three payments, each by another account.
    fn block(&mut self) -> HashedBlock {
        let payments = (0..3).map(|n| self.maker.transfer(&key(n), key(9).address(), 5, 1)).collect();
        self.maker.next_block(payments, key(9).address())
    }

    /// A block whose second payment is changed before the merkle root is made.
    fn altered(&mut self, change: impl FnOnce(&mut Transaction)) -> HashedBlock {
        let mut payments: Vec<_> = (0..3).map(|n| self.maker.transfer(&key(n), key(9).address(), 5, 1)).collect();
        change(&mut payments[1]);
        let (header, transactions) = self.maker.assemble(payments, key(9).address(), self.maker.next_time());
        testkit::seal(header, transactions)
    }
}

fn key(number: u32) -> SecretKey {
    SecretKey::well_known(number)
}

fn faults(actions: &[Action]) -> Vec<PeerFault> {
    let mut all = Vec::new();
    for action in actions {
        if let Action::Link(LinkAction::Close { reason, .. }) = action
            && let CloseReason::Fault(fault) = &**reason
        {
            all.push(fault.clone());
        }
    }
    all
}

fn count(actions: &[Action], counter: Counter) -> u64 {
    let mut sum = 0;
    for action in actions {
        if let Action::Count(counted, by) = action
            && *counted == counter
        {
            sum += by;
        }
    }
    sum
}

#[test]
fn a_valid_block_goes_to_the_ledger_and_only_unknown_signatures_are_checked() {
    let mut bench = Bench::new();
    let block = bench.block();
    let known: Vec<&HashedTransaction> = block.transactions[1..3].iter().collect();
    let actions = bench.check(PEER, block.hash, &block.bytes, &known);
    assert_eq!(count(&actions, Counter::SignaturesVerified), 1);
    assert_eq!(count(&actions, Counter::SignaturesReused), 2);
    let checked = ToLedger::BlockChecked { origin: PEER, block: Arc::new(CheckedBlock::new(&block)) };
    assert!(actions.contains(&Action::Tell(checked.into())));
    assert!(faults(&actions).is_empty());
}

#[test]
fn a_body_that_is_not_the_header_s_costs_its_sender_and_is_asked_of_somebody_else() {
    let mut bench = Bench::new();
    let block = bench.block();
    let other = bench.block();
    let mut cut = block.bytes.to_vec();
    cut.pop();
    let mut swapped = block.clone();
    swapped.transactions.swap(1, 2);
    let swapped = HashedBlock::new(swapped.header, swapped.transactions).bytes;
    for (body, merkle) in [(cut.into(), false), (other.bytes, false), (vec![1; 10].into(), false), (swapped, true)] {
        let actions = bench.check(PEER, block.hash, &body, &[]);
        let [fault] = &faults(&actions)[..] else { panic!("one fault: {actions:?}") };
        let PeerFault::Block(fault) = fault else { panic!("{fault}") };
        assert_eq!(*fault == BlockFault::MerkleRoot, merkle);
        let refused = ToFetch::BodyRefused { hash: block.hash, origin: PEER, fault: Box::new(fault.clone()) };
        assert!(actions.contains(&Action::Tell(refused.into())));
        assert!(!actions.iter().any(|action| matches!(action, Action::Tell(Notice::Ledger(_)))));
    }
}

#[test]
fn a_block_that_was_put_together_here_is_checked_by_its_parts() {
    let mut bench = Bench::new();
    let block = bench.block();
    let bad = bench.altered(|payment| payment.inputs.as_mut_slice()[0].signature[5] ^= 1);
    let by_parts = |bench: &mut Bench, block: &HashedBlock| {
        let parts: Parts = block.transactions.iter().cloned().map(Arc::new).collect();
        let (origin, hash) = (Origin::Rebuilt(LinkId(3)), block.hash);
        let frame = Frame::new(&Message::Block(block.bytes.clone()));
        bench.notice(ToVerify::CheckBlock { origin, hash, frame, checked: Arc::default(), parts: Some(parts) })
    };
    let passed = by_parts(&mut bench, &block).into_iter().find_map(|action| match action {
        Action::Tell(Notice::Ledger(ToLedger::BlockChecked { block, .. })) => Some(CheckedBlock::clone(&block)),
        _ => None,
    });
    let mut expected = CheckedBlock::new(&block);
    expected.leaves = Some(block.transactions.iter().map(|one| one.leaf).collect());
    assert_eq!(passed, Some(expected));
    let refused = by_parts(&mut bench, &bad).iter().any(|action| {
        matches!(action, Action::Tell(Notice::Ledger(ToLedger::BodyInvalid { hash, .. })) if *hash == bad.hash)
    });
    assert!(refused, "what is not in the mempool has its signatures checked");
}

#[test]
fn a_bad_checksum_is_a_fault_of_the_line_not_of_the_block() {
    let mut bench = Bench::new();
    let block = bench.block();
    let mut frame = Frame::new(&Message::Block(block.bytes.clone()));
    frame.checksum[0] ^= 1;
    let notice = ToVerify::CheckBlock { origin: PEER, hash: block.hash, frame, checked: Arc::default(), parts: None };
    let actions = bench.notice(notice);
    assert_eq!(faults(&actions), [PeerFault::Frame(FrameFault::Checksum)]);
    assert!(matches!(&actions[1], Action::Tell(Notice::Fetch(ToFetch::BodyRefused { .. }))));
}

#[test]
fn a_fault_that_the_header_commits_to_invalidates_the_block() {
    let mut bench = Bench::new();
    let signature = bench.altered(|payment| payment.inputs.as_mut_slice()[0].signature[5] ^= 1);
    let zero = bench.altered(|payment| payment.outputs.as_mut_slice()[0].amount = 0);
    let found = [(signature, TransactionFault::Signature(0)), (zero, TransactionFault::ZeroAmount(0))];
    for (block, fault) in found {
        let fault = BlockFault::Transaction { index: 2, fault };
        let actions = bench.check(PEER, block.hash, &block.bytes, &[]);
        assert_eq!(faults(&actions), [PeerFault::Block(fault.clone())]);
        let notice = ToLedger::BodyInvalid { hash: block.hash, origin: PEER, fault: Box::new(fault) };
        assert!(actions.contains(&Action::Tell(notice.into())));
    }
}

#[test]
fn a_block_from_a_command_or_the_miner_costs_nobody_a_connection() {
    let mut bench = Bench::new();
    let block = bench.altered(|payment| payment.inputs.as_mut_slice()[0].signature[5] ^= 1);
    for origin in [Origin::Miner, Origin::Command(Ticket(1))] {
        let actions = bench.check(origin, block.hash, &block.bytes, &[]);
        assert_eq!(faults(&actions), []);
        assert!(matches!(actions.last(), Some(Action::Tell(Notice::Ledger(ToLedger::BodyInvalid { .. })))));
    }
}

#[test]
fn the_culprit_is_found_beyond_the_first_batch() {
    let mut bench = Bench::new();
    let (outpoint, coin) = {
        let owner = key(0).address();
        let mut coins = bench.maker.spendable(&owner);
        coins.next().map(|(outpoint, coin)| (outpoint, coin.clone())).unwrap()
    };
    // Signatures are checked without the ledger, so that the same coin will do a thousand times.
    let genesis = bench.maker.spec().genesis_hash();
    let output = |amount| crate::chain::transaction::Output { amount, address: key(1).address() };
    let count = limits::SIGNATURE_BATCH as u64 + 40;
    let mut payments: Vec<Transaction> = (1..=count)
        .map(|n| testkit::spend(&[(outpoint, coin.amount, &key(0))], vec![output(coin.amount - n)], b"", &genesis))
        .collect();
    payments[1050].inputs.as_mut_slice()[0].signature = [7; 64];
    let (header, transactions) = bench.maker.assemble(payments, key(9).address(), bench.maker.next_time());
    let block = testkit::seal(header, transactions);
    let actions = bench.check(PEER, block.hash, &block.bytes, &[]);
    let fault = BlockFault::Transaction { index: 1051, fault: TransactionFault::Signature(0) };
    assert_eq!(faults(&actions), [PeerFault::Block(fault)]);
}

#[test]
fn transactions_get_their_verdicts_in_order_and_bad_senders_are_closed_once() {
    let mut bench = Bench::new();
    let good: Vec<Transaction> = (0..3).map(|n| bench.maker.transfer(&key(n), key(9).address(), 5, 1)).collect();
    let mut forged = good[1].clone();
    forged.inputs.as_mut_slice()[0].signature[0] ^= 1;
    let coinbase = testkit::coinbase(1, key(0).address(), 5, b"");
    let link = |n| Origin::Link(LinkId(n));
    let actions = bench.check_transactions(vec![
        (link(1), &good[0]),
        (link(2), &forged),
        (link(3), &coinbase),
        (link(3), &forged),
        (Origin::Command(Ticket(4)), &coinbase),
        (link(5), &good[2]),
    ]);
    let Some(Action::Tell(Notice::Gossip(ToGossip::TransactionsChecked(verdicts)))) = actions.last() else {
        panic!("verdicts: {actions:?}")
    };
    let results: Vec<_> = verdicts.iter().map(|one| one.result.as_ref().map(|hashed| hashed.txid)).collect();
    assert_eq!(results[0], Ok(good[0].txid()));
    assert_eq!(results[1], Err(&TransactionFault::Signature(0)));
    assert_eq!(results[2], Err(&TransactionFault::NoInputs));
    assert_eq!(results[3], Err(&TransactionFault::Signature(0)));
    assert_eq!(results[4], Err(&TransactionFault::NoInputs));
    assert_eq!(results[5], Ok(good[2].txid()));
    let closed: Vec<PeerFault> = faults(&actions);
    let (forged, coinbase) = (TransactionFault::Signature(0), TransactionFault::NoInputs);
    assert_eq!(closed, [forged.into(), coinbase.into()], "link 3 once, the command not at all");
}

#[test]
fn the_sealer_hears_what_is_wrong_with_a_proposal_and_nobody_is_punished() {
    let mut bench = Bench::new();
    let block = bench.block();
    let told = bench.check(Origin::Proposal, block.hash, &block.bytes, &[]);
    let passed = ToLedger::BlockChecked { origin: Origin::Proposal, block: Arc::new(CheckedBlock::new(&block)) };
    assert!(told.contains(&Action::Tell(passed.into())));
    let mut short = block.bytes.to_vec();
    short.pop();
    let mut forged = block.transactions.clone();
    let mut transaction = forged[1].transaction.clone();
    transaction.inputs.as_mut_slice()[0].signature[5] ^= 1;
    forged[1] = HashedTransaction::new(transaction);
    let forged = testkit::seal(block.header.clone(), forged);
    for (hash, bytes) in [(block.hash, short.into()), (forged.hash, forged.bytes)] {
        let actions = bench.check(Origin::Proposal, hash, &bytes, &[]);
        let [Action::Tell(Notice::Sealer(ToSealer::ProposalChecked { hash: told, result }))] =
            &actions.iter().filter(|action| !matches!(action, Action::Count(..))).cloned().collect::<Vec<_>>()[..]
        else {
            panic!("{actions:?}");
        };
        assert!(*told == hash && matches!(result, Err(ProposalFault::Invalid(_))));
    }
}
