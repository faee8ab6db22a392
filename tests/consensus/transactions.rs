//! Transactions one field away from valid, on their way into the mempool.

use super::*;

/// What the mempool path says of a transaction: verifier, then ledger.
fn submit(court: &mut Court, transaction: &Transaction) -> Result<(), String> {
    let transaction = HashedTransaction::decode(&transaction.to_bytes()).map_err(|error| error.to_string())?;
    let origin = Origin::Command(Ticket(1));
    let mut out = Outbox::default();
    let unchecked = UncheckedTransaction { origin, transaction: Arc::new(transaction) };
    court.verify.hear(court.now, Event::Notice(ToVerify::CheckTransactions(vec![unchecked]).into()), &mut out);
    let mut checked = None;
    for action in out.drain() {
        if let Action::Tell(Notice::Gossip(ToGossip::TransactionsChecked(mut verdicts))) = action {
            checked = verdicts.pop();
        }
    }
    let transaction = match checked.expect("the verifier answers each transaction").result {
        Ok(transaction) => transaction,
        Err(fault) => return Err(format!("{fault:?}")),
    };
    court.ledger.hear(
        court.now,
        Event::Notice(ToLedger::Admit { origin, transaction, replace: true }.into()),
        &mut out,
    );
    for action in out.drain() {
        if let Action::Tell(Notice::Gossip(ToGossip::Admitted { result, .. })) = action {
            return result.map_err(|refusal| match refusal {
                Refusal::Invalid(fault) => format!("{fault:?}"),
                other => format!("{other:?}"),
            });
        }
    }
    panic!("the ledger answers each transaction");
}

type TransactionCase = (&'static str, fn(&mut Candidate), &'static str);

fn transaction_cases() -> Vec<TransactionCase> {
    vec![
        (
            "version 0",
            |d| {
                d.transactions[1].version = 0;
                d.sign(1, 0)
            },
            "Version(0)",
        ),
        (
            "version 1, whose inputs name no amounts",
            |d| {
                d.transactions[1].version = 1;
                d.sign(1, 0)
            },
            "Version(1)",
        ),
        (
            "version 3",
            |d| {
                d.transactions[1].version = 3;
                d.sign(1, 0)
            },
            "Version(3)",
        ),
        (
            "the largest version",
            |d| {
                d.transactions[1].version = u32::MAX;
                d.sign(1, 0)
            },
            "Version(",
        ),
        ("no inputs", |d| d.transactions[1].inputs = List::EMPTY, "NoInputs"),
        ("a coinbase", |d| d.transactions[1] = d.transactions[0].clone(), "NoInputs"),
        (
            "no outputs",
            |d| {
                d.transactions[1].outputs = List::EMPTY;
                d.sign(1, 0)
            },
            "NoOutputs",
        ),
        (
            "a repeated input",
            |d| {
                let input = d.transactions[1].inputs[0].clone();
                d.transactions[1].inputs = List::truncated([input.clone(), input]);
                d.sign(1, 0)
            },
            "RepeatedInput(1)",
        ),
        (
            "an input that names nothing",
            |d| {
                d.transactions[1].inputs.as_mut_slice()[0].amount = 0;
                d.sign(1, 0)
            },
            "ZeroInput(0)",
        ),
        (
            "an input that names more than can exist",
            |d| {
                d.transactions[1].inputs.as_mut_slice()[0].amount = limits::MAX_MONEY + 1;
                d.sign(1, 0)
            },
            "InputOverflow",
        ),
        (
            "inputs whose sum overflows 64 bits",
            |d| {
                let mut other = d.transactions[1].inputs[0].clone();
                (other.outpoint.index, other.amount) = (9, u64::MAX);
                d.transactions[1].inputs = List::truncated([d.transactions[1].inputs[0].clone(), other]);
                d.sign(1, 0)
            },
            "InputOverflow",
        ),
        (
            "an input that names one unit more than its coin has",
            |d| {
                d.transactions[1].inputs.as_mut_slice()[0].amount += 1;
                d.sign(1, 0)
            },
            "WrongAmount",
        ),
        (
            "an input that names one unit less than its coin has",
            |d| {
                d.transactions[1].inputs.as_mut_slice()[0].amount -= 1;
                d.sign(1, 0)
            },
            "WrongAmount",
        ),
        (
            "a signature of another amount of the coin",
            |d| {
                d.transactions[1].inputs.as_mut_slice()[0].amount += 1;
            },
            "Signature(0)",
        ),
        (
            "a first output of nothing",
            |d| {
                d.transactions[1].outputs.as_mut_slice()[0].amount = 0;
                d.sign(1, 0)
            },
            "ZeroAmount(0)",
        ),
        (
            "a second output of nothing",
            |d| {
                d.transactions[1].outputs.as_mut_slice()[1].amount = 0;
                d.sign(1, 0)
            },
            "ZeroAmount(1)",
        ),
        (
            "an output above all money",
            |d| {
                d.transactions[1].outputs.as_mut_slice()[0].amount = limits::MAX_MONEY + 1;
                d.sign(1, 0)
            },
            "Overflow",
        ),
        (
            "a sum beyond 64 bits",
            |d| {
                for o in d.transactions[1].outputs.as_mut_slice() {
                    o.amount = u64::MAX
                }
                d.sign(1, 0)
            },
            "Overflow",
        ),
        (
            "a sum above all money",
            |d| {
                for o in d.transactions[1].outputs.as_mut_slice() {
                    o.amount = limits::MAX_MONEY
                }
                d.sign(1, 0)
            },
            "Overflow",
        ),
        ("R changed", |d| d.transactions[1].inputs.as_mut_slice()[0].signature[0] ^= 1, "Signature(0)"),
        ("S changed", |d| d.transactions[1].inputs.as_mut_slice()[0].signature[32] ^= 1, "Signature(0)"),
        ("S beyond the order", |d| d.transactions[1].inputs.as_mut_slice()[0].signature[63] |= 0xe0, "Signature(0)"),
        ("no signature", |d| d.transactions[1].inputs.as_mut_slice()[0].signature = [0; 64], "Signature(0)"),
        ("another amount", |d| d.transactions[1].outputs.as_mut_slice()[0].amount -= 1, "Signature(0)"),
        (
            "another receiver",
            |d| d.transactions[1].outputs.as_mut_slice()[0].address = key(6).address(),
            "Signature(0)",
        ),
        ("another memo", |d| d.transactions[1].memo = List::truncated(*b"!"), "Signature(0)"),
        ("another coin", |d| d.transactions[1].inputs.as_mut_slice()[0].outpoint.index += 1, "Signature(0)"),
        (
            "another network",
            |d| key(0).sign_transaction(&mut d.transactions[1], &ChainSpec::dev().genesis_hash()),
            "Signature(0)",
        ),
        ("a key that is no point", |d| d.transactions[1].inputs.as_mut_slice()[0].public_key = [2; 32], "Signature(0)"),
        (
            "another owner",
            |d| {
                d.transactions[1].inputs.as_mut_slice()[0].public_key = key(5).public_key();
                d.sign(1, 5)
            },
            "WrongKey(0)",
        ),
        (
            "a coin that never was",
            |d| {
                d.transactions[1].inputs.as_mut_slice()[0].outpoint.txid = Hash([3; 32]);
                d.sign(1, 0)
            },
            "MissingCoin(0)",
        ),
        (
            "a spent coin",
            |d| {
                let genesis = Transaction::outpoint(d.spec.genesis.transactions[0].txid, 0);
                d.transactions[1].inputs.as_mut_slice()[0].outpoint = genesis;
                d.sign(1, 0)
            },
            "MissingCoin(0)",
        ),
        (
            "a young reward",
            |d| {
                d.spend_reward(9);
                d.transactions.swap(1, 3)
            },
            "Immature { input: 0, matures: 14 }",
        ),
        (
            "money from nothing",
            |d| {
                d.transactions[1].outputs.as_mut_slice()[0].amount += 101;
                d.sign(1, 0)
            },
            "Inflation",
        ),
    ]
}

#[test]
fn transactions_one_field_away_from_valid_are_refused_each_for_its_reason() {
    let (spec, maker, mut court) = scene();
    let digest = court.digest();
    let cases = transaction_cases();
    assert!(cases.len() >= 25);
    for (name, change, expected) in cases {
        let mut candidate = candidate(&spec, &maker);
        change(&mut candidate);
        let refused = submit(&mut court, &candidate.transactions[1]);
        assert!(refused.as_ref().is_err_and(|reason| reason.contains(expected)), "{name}: {refused:?}");
        assert_eq!(court.digest(), digest, "{name}");
    }
    let candidate = candidate(&spec, &maker);
    assert_eq!(submit(&mut court, &candidate.transactions[1]), Ok(()), "the valid one beside them");
    assert!(submit(&mut court, &candidate.transactions[1]).is_err_and(|reason| reason.contains("Known")));
    let mut conflict = candidate.transactions[1].clone();
    conflict.memo = List::truncated(*b"again");
    key(0).sign_transaction(&mut conflict, &spec.genesis_hash());
    assert!(submit(&mut court, &conflict).is_err_and(|reason| reason.contains("Underpaid")));
}
