//! Blocks one field away from valid, bodies that do not belong to their header, and the size limit.

use std::collections::BTreeSet;

use super::*;

type BlockCase = (&'static str, fn(&mut Candidate), PeerFault);

fn block_cases() -> Vec<BlockCase> {
    vec![
        ("no transactions", |d| d.transactions.clear(), PeerFault::Block(BlockFault::Empty)),
        ("no coinbase", |d| drop(d.transactions.remove(0)), PeerFault::Block(BlockFault::NoCoinbase)),
        ("the coinbase second", |d| d.transactions.swap(0, 1), PeerFault::Block(BlockFault::NoCoinbase)),
        ("two coinbases", |d| d.transactions.insert(1, d.transactions[0].clone()), in_block(1, T::NoInputs)),
        (
            "a coinbase of the height before",
            |d| d.transactions[0].memo = List::truncated(12u32.to_le_bytes()),
            PeerFault::Block(BlockFault::CoinbaseHeight(13)),
        ),
        (
            "a coinbase of the height after",
            |d| d.transactions[0].memo = List::truncated(14u32.to_le_bytes()),
            PeerFault::Block(BlockFault::CoinbaseHeight(13)),
        ),
        (
            "a coinbase without a height",
            |d| d.transactions[0].memo = List::EMPTY,
            PeerFault::Block(BlockFault::CoinbaseHeight(13)),
        ),
        (
            "a coinbase with three bytes of height",
            |d| d.transactions[0].memo = List::truncated([13, 0, 0]),
            PeerFault::Block(BlockFault::CoinbaseHeight(13)),
        ),
        ("a coinbase of one unit too much", |d| d.pay_coinbase(1), amount(1)),
        ("a coinbase of one unit too little", |d| d.pay_coinbase(-1), amount(-1)),
        (
            "a coinbase without outputs",
            |d| d.transactions[0].outputs = List::EMPTY,
            PeerFault::Block(BlockFault::CoinbaseAmount { found: 0, expected: 5_000_000_150 }),
        ),
        (
            "a coinbase with an output of nothing",
            |d| d.transactions[0].outputs = with(&d.transactions[0], Output { amount: 0, address: key(2).address() }),
            in_block(0, T::ZeroAmount(1)),
        ),
        (
            "a coinbase above all money",
            |d| d.transactions[0].outputs.as_mut_slice()[0].amount = limits::MAX_MONEY + 1,
            in_block(0, T::Overflow),
        ),
        ("a coinbase of another version", |d| d.transactions[0].version = 9, in_block(0, T::Version(9))),
        (
            "another state digest",
            |d| d.header.state_digest = Hash([1; 32]),
            PeerFault::Block(BlockFault::StateDigest { found: Hash([1; 32]), expected: Hash::ZERO }),
        ),
        (
            "transaction version 0",
            |d| {
                d.transactions[1].version = 0;
                d.sign(1, 0)
            },
            in_block(1, T::Version(0)),
        ),
        (
            "transaction version 1, whose inputs name no amounts",
            |d| {
                d.transactions[1].version = 1;
                d.sign(1, 0)
            },
            in_block(1, T::Version(1)),
        ),
        (
            "transaction version 3",
            |d| {
                d.transactions[1].version = 3;
                d.sign(1, 0)
            },
            in_block(1, T::Version(3)),
        ),
        (
            "no outputs",
            |d| {
                d.transactions[1].outputs = List::EMPTY;
                d.sign(1, 0)
            },
            in_block(1, T::NoOutputs),
        ),
        ("no inputs", |d| d.transactions[1].inputs = List::EMPTY, in_block(1, T::NoInputs)),
        (
            "the same coin twice in one transaction",
            |d| {
                let input = d.transactions[1].inputs[0].clone();
                d.transactions[1].inputs = List::truncated([input.clone(), input]);
                d.sign(1, 0)
            },
            in_block(1, T::RepeatedInput(1)),
        ),
        (
            "an input that names nothing",
            |d| {
                d.transactions[1].inputs.as_mut_slice()[0].amount = 0;
                d.sign(1, 0)
            },
            in_block(1, T::ZeroInput(0)),
        ),
        (
            "an input that names more than can exist",
            |d| {
                d.transactions[1].inputs.as_mut_slice()[0].amount = limits::MAX_MONEY + 1;
                d.sign(1, 0)
            },
            in_block(1, T::InputOverflow),
        ),
        (
            "inputs whose sum overflows 64 bits",
            |d| {
                let mut other = d.transactions[1].inputs[0].clone();
                (other.outpoint.index, other.amount) = (9, u64::MAX);
                d.transactions[1].inputs = List::truncated([d.transactions[1].inputs[0].clone(), other]);
                d.sign(1, 0)
            },
            in_block(1, T::InputOverflow),
        ),
        (
            "an input that names one unit more than its coin has",
            |d| {
                d.transactions[1].inputs.as_mut_slice()[0].amount += 1;
                d.sign(1, 0)
            },
            in_block(1, T::WrongAmount { input: 0, named: 1, coin: 0 }),
        ),
        (
            "an input that names one unit less than its coin has",
            |d| {
                d.transactions[1].inputs.as_mut_slice()[0].amount -= 1;
                d.sign(1, 0)
            },
            in_block(1, T::WrongAmount { input: 0, named: 0, coin: 1 }),
        ),
        (
            "a signature of another amount of the coin",
            |d| {
                d.transactions[1].inputs.as_mut_slice()[0].amount += 1;
            },
            in_block(1, T::Signature(0)),
        ),
        (
            "an output of nothing",
            |d| {
                d.transactions[1].outputs.as_mut_slice()[1].amount = 0;
                d.sign(1, 0)
            },
            in_block(1, T::ZeroAmount(1)),
        ),
        (
            "an output above all money",
            |d| {
                d.transactions[1].outputs.as_mut_slice()[0].amount = limits::MAX_MONEY + 1;
                d.sign(1, 0)
            },
            in_block(1, T::Overflow),
        ),
        (
            "outputs whose sum overflows 64 bits",
            |d| {
                for o in d.transactions[1].outputs.as_mut_slice() {
                    o.amount = u64::MAX
                }
                d.sign(1, 0)
            },
            in_block(1, T::Overflow),
        ),
        (
            "outputs whose sum is above all money",
            |d| {
                for o in d.transactions[1].outputs.as_mut_slice() {
                    o.amount = limits::MAX_MONEY / 2 + 1
                }
                d.sign(1, 0)
            },
            in_block(1, T::Overflow),
        ),
        (
            "a signature's first half changed",
            |d| d.transactions[1].inputs.as_mut_slice()[0].signature[3] ^= 1,
            in_block(1, T::Signature(0)),
        ),
        (
            "a signature's second half changed",
            |d| d.transactions[1].inputs.as_mut_slice()[0].signature[40] ^= 1,
            in_block(1, T::Signature(0)),
        ),
        (
            "no signature",
            |d| d.transactions[1].inputs.as_mut_slice()[0].signature = [0; 64],
            in_block(1, T::Signature(0)),
        ),
        (
            "a signature of another amount",
            |d| d.transactions[1].outputs.as_mut_slice()[0].amount += 1,
            in_block(1, T::Signature(0)),
        ),
        (
            "a signature of another memo",
            |d| d.transactions[1].memo = List::truncated(*b"x"),
            in_block(1, T::Signature(0)),
        ),
        (
            "a signature for another network",
            |d| key(0).sign_transaction(&mut d.transactions[1], &ChainSpec::dev().genesis_hash()),
            in_block(1, T::Signature(0)),
        ),
        (
            "another's signature",
            |d| {
                let hash = Transaction::signing_hash(&d.transactions[1].txid(), &d.spec.genesis_hash());
                d.transactions[1].inputs.as_mut_slice()[0].signature = key(5).sign(&hash)
            },
            in_block(1, T::Signature(0)),
        ),
        (
            "a key that is no point",
            |d| d.transactions[1].inputs.as_mut_slice()[0].public_key = [2; 32],
            in_block(1, T::Signature(0)),
        ),
        (
            "a key that does not own the coin",
            |d| {
                d.transactions[1].inputs.as_mut_slice()[0].public_key = key(5).public_key();
                d.sign(1, 5)
            },
            in_block(1, T::WrongKey(0)),
        ),
        (
            "a coin that never was",
            |d| {
                d.transactions[1].inputs.as_mut_slice()[0].outpoint.txid = Hash([3; 32]);
                d.sign(1, 0)
            },
            in_block(1, T::MissingCoin(0)),
        ),
        (
            "an output that never was",
            |d| {
                d.transactions[1].inputs.as_mut_slice()[0].outpoint.index += 7;
                d.sign(1, 0)
            },
            in_block(1, T::MissingCoin(0)),
        ),
        (
            "a coin spent in an earlier block",
            |d| {
                let genesis = Transaction::outpoint(d.spec.genesis.transactions[0].txid, 0);
                d.transactions[1].inputs.as_mut_slice()[0].outpoint = genesis;
                d.sign(1, 0)
            },
            in_block(1, T::MissingCoin(0)),
        ),
        (
            "a coin spent twice in the block",
            |d| {
                let mut twin = d.transactions[1].clone();
                twin.memo = List::truncated(*b"twin");
                d.transactions.push(twin);
                d.sign(3, 0)
            },
            in_block(3, T::MissingCoin(0)),
        ),
        ("a coin of a later transaction", |d| d.transactions.swap(1, 2), in_block(1, T::MissingCoin(0))),
        (
            "a reward of this very block",
            |d| {
                let reward = Transaction::outpoint(d.transactions[0].txid(), 0);
                let (owner, genesis) = (key(9), d.spec.genesis_hash());
                let output = Output { amount: 5, address: key(2).address() };
                d.transactions.push(testkit::spend(
                    &[(reward, d.transactions[0].outputs[0].amount, &owner)],
                    vec![output],
                    b"",
                    &genesis,
                ))
            },
            in_block(3, T::Immature { input: 0, matures: 18 }),
        ),
        ("a reward one block too young", |d| d.spend_reward(9), in_block(3, T::Immature { input: 0, matures: 14 })),
        (
            "more out than in by one unit",
            |d| {
                d.transactions[1].outputs.as_mut_slice()[0].amount += 101;
                d.sign(1, 0)
            },
            PeerFault::SendStall,
        ),
    ]
}

fn amount(change: i64) -> PeerFault {
    let expected = 5_000_000_150;
    PeerFault::Block(BlockFault::CoinbaseAmount {
        found: 5_000_000_150u64.checked_add_signed(change).unwrap(),
        expected,
    })
}

fn with(transaction: &Transaction, output: Output) -> List<Output, { limits::MAX_OUTPUTS }> {
    List::truncated(transaction.outputs.iter().cloned().chain([output]))
}

/// Faults whose amounts depend on the scene are compared by their kind.
fn same_kind(found: &PeerFault, expected: &PeerFault) -> bool {
    let inflation = |fault: &PeerFault| matches!(fault, PeerFault::Block(BlockFault::Transaction { index: 1, fault: T::Inflation { inputs, outputs } }) if *outputs == inputs + 1);
    match expected {
        PeerFault::SendStall => inflation(found),
        PeerFault::Block(BlockFault::Transaction { index, fault: T::WrongAmount { input, named, coin } }) => {
            let by = i128::from(*named) - i128::from(*coin);
            matches!(found, PeerFault::Block(BlockFault::Transaction { index: at, fault: T::WrongAmount { input: of, named, coin } })
                if (at, of) == (index, input) && i128::from(*named) - i128::from(*coin) == by)
        }
        PeerFault::Block(BlockFault::StateDigest { found: stated, .. }) => {
            matches!(found, PeerFault::Block(BlockFault::StateDigest { found, .. }) if found == stated)
        }
        _ => found == expected,
    }
}

#[test]
fn blocks_one_field_away_from_valid_are_refused_each_for_its_reason() {
    let (spec, maker, mut court) = scene();
    let (tip, digest) = (court.tip(), court.digest());
    let cases = block_cases();
    let names: BTreeSet<&str> = cases.iter().map(|case| case.0).collect();
    assert!(names.len() >= 40, "{} cases", names.len());
    for (name, change, expected) in cases {
        let mut candidate = candidate(&spec, &maker);
        change(&mut candidate);
        let transactions = candidate.transactions.into_iter().map(HashedTransaction::new).collect();
        let block = testkit::seal(candidate.header, transactions);
        match court.judge_block(&block) {
            Verdict::Fault(fault) => assert!(same_kind(&fault, &expected), "{name}: {fault:?}"),
            other => panic!("{name}: {other:?}"),
        }
        assert_eq!((court.tip(), court.digest()), (tip, digest), "{name}");
    }
    let candidate = candidate(&spec, &maker);
    let valid =
        testkit::seal(candidate.header, candidate.transactions.into_iter().map(HashedTransaction::new).collect());
    assert_eq!(court.judge_block(&valid), Verdict::Applied, "the valid one beside them");
}

#[test]
fn bodies_that_are_not_their_header_s_cost_the_sender_and_leave_the_header_alone() {
    let (spec, maker, mut court) = scene();
    let digest = court.digest();
    let candidate = candidate(&spec, &maker);
    let valid =
        testkit::seal(candidate.header, candidate.transactions.into_iter().map(HashedTransaction::new).collect());
    let rebuilt = |transactions: Vec<HashedTransaction>| HashedBlock::new(valid.header.clone(), transactions).bytes;
    let all = || valid.transactions.clone();
    let mut bodies: Vec<(&str, Bytes, BlockFault)> = Vec::new();
    let mut swapped = all();
    swapped.swap(1, 2);
    let mut repeated = all();
    repeated.push(all()[2].clone());
    let mut resigned = all();
    let mut transaction = resigned[1].transaction.clone();
    transaction.inputs.as_mut_slice()[0].signature[0] ^= 1;
    resigned[1] = HashedTransaction::new(transaction);
    bodies.push(("one transaction less", rebuilt(all()[..2].to_vec()), BlockFault::MerkleRoot));
    bodies.push(("none", rebuilt(Vec::new()), BlockFault::MerkleRoot));
    bodies.push(("another order", rebuilt(swapped), BlockFault::MerkleRoot));
    bodies.push(("the last one twice", rebuilt(repeated), BlockFault::MerkleRoot));
    bodies.push(("a signature changed", rebuilt(resigned), BlockFault::MerkleRoot));
    let mut longer = valid.bytes.to_vec();
    longer.push(0);
    bodies.push(("a byte more", longer.into(), BlockFault::Malformed(CodecError::Trailing(1).to_string())));
    for (name, body, expected) in bodies {
        assert_eq!(court.judge(&valid.header, &body), Verdict::Fault(PeerFault::Block(expected)), "{name}");
        assert_eq!(court.digest(), digest, "{name}");
    }
    for cut in [valid.bytes.len() - 1, 200, limits::WORK_HEADER_BYTES + 3, limits::WORK_HEADER_BYTES] {
        let body: Bytes = valid.bytes[..cut].to_vec().into();
        let verdict = court.judge(&valid.header, &body);
        assert!(matches!(verdict, Verdict::Fault(PeerFault::Block(BlockFault::Malformed(_)))), "{cut}: {verdict:?}");
    }
    assert_eq!(court.judge_block(&valid), Verdict::Applied, "the header is as good as before");
}

#[test]
fn a_block_over_the_size_limit_is_refused() {
    let (spec, maker, _) = scene();
    let mut maker = maker.fork();
    // 2^20 bytes of transactions with the longest memos.
    let genesis = spec.genesis_hash();
    let payment = maker.transfer(&key(0), key(1).address(), 1, 1);
    let fat = Transaction { memo: List::truncated([0; limits::MAX_MEMO_BYTES]), ..payment };
    let mut transactions = Vec::new();
    for number in 0..1_500u32 {
        let mut one = fat.clone();
        let mut memo = one.memo.clone().into_vec();
        memo[..4].copy_from_slice(&number.to_le_bytes());
        one.memo = List::truncated(memo);
        transactions.push(HashedTransaction::new(one));
    }
    let _ = genesis;
    let time = maker.next_time();
    let (header, mut all) = maker.assemble(Vec::new(), key(9).address(), time);
    all.extend(transactions);
    let block = testkit::seal(header, all);
    assert!(matches!(rules::check_block(&block), Err(BlockFault::Size(_))));
}
