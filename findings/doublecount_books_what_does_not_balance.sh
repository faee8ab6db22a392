#!/usr/bin/env bash
# doublecount (crate), "a double entry accounting system": it books transactions that do not balance, if they name all their amounts.
#
# Guess: the amounts of a transaction add up to zero, or it is refused: there is an error for it, "sum of transaction elements does not
# equal zero". And a transaction that is refused has booked nothing.
# Happens: amounts are added only if one of them is left open, to reckon that one. With all of them given the sum stays at the zero it
# began with, and anything passes: 100 out and 1 in. The error can never come, as with an open one the sum is zero by construction.
# A transaction that is refused halfway, as its second account is closed, has booked the first, so that running it again doubles that.
# Hurts: whoever relies on it for what the name says: a slip in one amount is in the books, and no two accounts tell of it. Balance
# assertions find it only where someone has written one.
# Way out: add the amounts up oneself; leave one open; keep a copy of the state before each program.
# (Needs cargo.)
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export CARGO_TARGET_DIR=$dir/target
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"
[dependencies]
doublecount = "=0.8.2"
commodity = "0.4"
chrono = "0.4"
[profile.dev]
debug = 0
[workspace]
TOML
cat >src/main.rs <<'RUST'
use chrono::NaiveDate;
use commodity::{Commodity, CommodityType};
use doublecount::*;
use std::{rc::Rc, str::FromStr};

fn date(text: &str) -> NaiveDate {
    NaiveDate::from_str(text).unwrap()
}

fn main() {
    println!("doublecount 0.8.2");
    let aud = CommodityType::from_str("AUD", "Australian Dollar").unwrap();
    let accounts: Vec<Rc<Account>> = ["bank", "rent"].iter().map(|&name| Rc::new(Account::new_with_id(Some(name), aud.id, None))).collect();
    let run = |status: &[AccountStatus], amounts: [&str; 2]| {
        let mut state: ProgramState = ProgramState::new(&accounts, AccountStatus::Closed);
        for (account, &status) in accounts.iter().zip(status) {
            state.account_states.get_mut(&account.id).unwrap().status = status;
        }
        let element = |(account, text): (&Rc<Account>, &str)| TransactionElement::new(account.id, Commodity::from_str(text).ok(), None);
        let elements = accounts.iter().zip(amounts).map(element).collect();
        let transaction = Transaction::new(Some("rent".to_string()), date("2026-01-02"), elements);
        let answer = state.execute_program(&Program::new(vec![Rc::new(transaction.into())]));
        let booked: Vec<String> = accounts.iter().map(|account| state.account_states[&account.id].amount.value.to_string()).collect();
        (answer.is_ok(), booked)
    };
    use AccountStatus::{Closed, Open};
    for amounts in [["-100.00 AUD", "100.00 AUD"], ["-100.00 AUD", "open"], ["-100.00 AUD", "1.00 AUD"], ["50.00 AUD", "50.00 AUD"]] {
        let (booked, balances) = run(&[Open, Open], amounts);
        println!("bank and rent {amounts:?}: accepted {booked}, balances {balances:?}");
        assert!(booked);
        let given = amounts.map(|text| text.trim_end_matches(" AUD").to_string());
        assert!(balances == given || given[1] == "open" && balances == ["-100.00", "100.00"]);
    }
    let (booked, balances) = run(&[Open, Closed], ["-100.00 AUD", "100.00 AUD"]);
    println!("rent is closed: accepted {booked}, balances {balances:?}");
    assert!(!booked);
    assert_eq!(balances, ["-100.00", "0"]);
    println!("as described: single entry");
}
RUST
cargo run --quiet
