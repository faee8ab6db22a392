#!/usr/bin/env bash
# rust-coinselect (crate): coins that are smaller than the smallest change are not spent, however many there are.
#
# Guess: min_change_value is "the smallest amount of change that is considered acceptable": selections that leave less make no change.
# Which coins may be spent is another matter; each that brings more than its own fee helps.
# Happens: coins whose value, less their fee, is below min_change_value are put aside before any algorithm begins. With 30 coins of
# 900 satoshis and a target of 5000, all is well up to a min_change_value of 832; from 833 on there are "insufficient
# funds: available 27000 sats, required 7082 sats". Nor may they add to a larger coin that is just short.
# Hurts: wallets that receive many small payments and set a larger minimum to keep their outputs useful: the balance is there, the
# error says so itself, and no payment can be made. Tests with a few large coins see nothing.
# Way out: min_change_value of 1, and fold small change into the fee oneself.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"
[dependencies]
rust-coinselect = "=0.1.7"
[workspace]
TOML
cat >src/main.rs <<'RUST'
use rust_coinselect::selectcoin::select_coin;
use rust_coinselect::types::{CoinSelectionOpt, ExcessStrategy, OutputGroup, SelectionError};

fn coin(value: u64) -> OutputGroup {
    OutputGroup { value, weight: 272, input_count: 1, creation_sequence: None }
}

/// The value of what is chosen for 5000 satoshis at one satoshi for each virtual byte, or what is said to be missing.
fn chosen(coins: &[OutputGroup], min_change_value: u64) -> Result<u64, (u64, u64)> {
    let options = CoinSelectionOpt {
        target_value: 5000,
        target_feerate: 0.25,
        long_term_feerate: Some(0.25),
        min_absolute_fee: 0,
        base_weight: 168,
        change_weight: 124,
        change_cost: 100,
        min_change_value,
        excess_strategy: ExcessStrategy::ToFee,
    };
    let result = match select_coin(coins, &options) {
        Ok(results) => Ok(results[0].1.selected_inputs.iter().map(|&place| coins[place].value).sum()),
        Err(SelectionError::InsufficientFunds { available, required }) => Err((available, required)),
        Err(error) => panic!("{error}"),
    };
    println!("{} coins, smallest change {min_change_value}: {result:?}", coins.len());
    result
}

fn main() {
    println!("rust-coinselect 0.1.7");
    let small: Vec<_> = (0..30).map(|_| coin(900)).collect();
    assert_eq!(chosen(&small, 1), Ok(6300));
    assert_eq!(chosen(&small, 832), Ok(6300));
    let (available, required) = chosen(&small, 833).unwrap_err();
    assert_eq!((available, required), (27000, 7082));
    let mut mixed = small;
    mixed.push(coin(4900));
    assert!(chosen(&mixed, 832).is_ok());
    let (available, required) = chosen(&mixed, 1000).unwrap_err();
    assert!(available > 4 * required);
    println!("as described: the more one wants back, the less one has");
}
RUST
cargo run --quiet
