#!/usr/bin/env bash
# borderbook (crate): what one order leaves of another is forgotten at once, so that an order over ten coins sells fifteen.
#
# Guess: resolve_matches() lets the best orders trade until none fits. An order over 10 that a buyer of 5 has met has 5 for the next one;
# what is bought and sold of an order is never more than its volume.
# Happens: the rest is reckoned in a copy that ends with the step, and the next step takes the order as it was. Each next buyer finds the
# whole volume: buyers of 5 and 10 both get what they want of an order over 10, and three of 5 take 15, after which the book still
# offers 5. The same for a buyer of several sellers.
# Hurts: exchanges and simulations: trades over coins that nobody offered; a test with one buyer and one seller passes.
# Way out: resolve_matches() after each insert(), so that there is never more than one step; or another crate.
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
borderbook = "=0.1.0"
[profile.dev]
debug = 0
[workspace]
TOML
cat >src/main.rs <<'RUST'
use borderbook::{Order, Orderbook};

fn main() {
    println!("borderbook 0.1.0");
    let order = |volume| Order { price: 100.0, volume };
    for buyers in [vec![5.0], vec![5.0, 10.0], vec![5.0, 5.0, 5.0], vec![9.0, 9.0, 9.0, 9.0]] {
        let mut book = Orderbook::new();
        book.insert_ask("seller".to_string(), order(10.0));
        for (number, &volume) in buyers.iter().enumerate() {
            book.insert_bid(format!("buyer {number}"), order(volume));
        }
        let trades = book.resolve_matches();
        let sold: f64 = trades.iter().filter(|trade| trade.sell_key == "seller").map(|trade| trade.volume).sum();
        let left = book.asks.get_order(&"seller".to_string()).map(|order| order.volume);
        println!("an order over 10, buyers of {buyers:?}: {sold} are sold, {left:?} are left");
        assert!(buyers.len() != 3 || left == Some(5.0));
        let wanted: f64 = buyers.iter().sum();
        assert!(buyers.len() == 1 || sold > 10.0);
        assert_eq!(sold, wanted);
    }
    let mut book = Orderbook::new();
    book.insert_bid("buyer".to_string(), order(10.0));
    for number in 0..3 {
        book.insert_ask(format!("seller {number}"), order(6.0));
    }
    let bought: f64 = book.resolve_matches().iter().map(|trade| trade.volume).sum();
    println!("a buyer of 10, three sellers of 6: {bought} are bought");
    assert_eq!(bought, 18.0);
    println!("as described: more is sold than there is");
}
RUST
cargo run --quiet
