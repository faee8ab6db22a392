#!/usr/bin/env bash
# limitbook (crate): an order that is filled in part keeps its whole quantity, so that the same ten coins are sold to everybody.
#
# Guess: an order book takes from a resting order what is bought of it. Of an order over 10 that 4 were bought of, 6 are left: the next
# buyer of 10 gets 6, and waits for 4. All that is bought of an order is never more than its quantity.
# Happens: the sums of the level and of the book are reduced, the order itself is not, by add_limit_order() and execute_market_order()
# alike. It is taken out only when one buyer takes all of it at once. Before that anybody can buy up to 10 of it, without an end; the
# book's own sum of what is offered becomes negative. Cancelling takes the whole quantity off the sums once more.
# Hurts: exchanges and simulations: a seller of 10 coins has sold 40, with valid fills for each; whoever settles them owes 30 coins. Market
# orders are refused for want of volume while the order still stands there.
# Way out: keep the rests oneself; cancel a partly filled order and enter its rest anew (it loses its place).
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
limitbook = "=0.1.0"
rust_decimal = "1"
[profile.dev]
debug = 0
[workspace]
TOML
cat >src/main.rs <<'RUST'
use limitbook::{OrderBook, OrderSide};
use rust_decimal::Decimal;

fn main() {
    println!("limitbook 0.1.0");
    let coins = Decimal::from;
    let price = Decimal::new(10_000, 2);
    let mut book = OrderBook::new(Decimal::new(1, 2)).unwrap();
    let (seller, _) = book.add_limit_order(OrderSide::Sell, price, coins(10)).unwrap();
    let mut sold = Decimal::ZERO;
    for buyer in 1..=10 {
        let (_, fills) = book.add_limit_order(OrderSide::Buy, price, coins(4)).unwrap();
        assert!(fills.iter().all(|fill| fill.maker_order_id == seller));
        sold += fills.iter().map(|fill| fill.quantity).sum::<Decimal>();
        println!("buyer {buyer} of 4: of the 10 offered {sold} are sold; the book says that {:?} are left", book.best_ask_volume());
    }
    assert_eq!((sold, book.best_ask_volume()), (coins(40), Some(coins(-30))));
    let whole = book.add_limit_order(OrderSide::Buy, price, coins(10)).unwrap().1;
    println!("a buyer of 10 gets {}", whole[0].quantity);
    assert_eq!((whole.len(), whole[0].quantity, book.best_ask()), (1, coins(10), None));

    let mut book = OrderBook::new(Decimal::new(1, 2)).unwrap();
    book.add_limit_order(OrderSide::Sell, price, coins(10)).unwrap();
    let bought: Decimal = (0..2).map(|_| book.execute_market_order(OrderSide::Buy, coins(5)).unwrap()[0].quantity).sum();
    let refused = book.execute_market_order(OrderSide::Buy, coins(1)).is_err();
    let (_, fills) = book.add_limit_order(OrderSide::Buy, price, coins(3)).unwrap();
    println!("market orders of 5 and 5 got {bought} of 10; one more is refused: {refused}; a limit order of 3 gets {}", fills[0].quantity);
    assert_eq!((bought, refused, fills[0].quantity), (coins(10), true, coins(3)));
    println!("as described: sold again and again");
}
RUST
cargo run --quiet
