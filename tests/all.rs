//! Every integration test, one binary: each further one would link the whole node, with link-time optimisation, anew.
//!
//! One file of them: `cargo test --release --test all hostile::`.

mod bad_input;
mod cli;
mod cluster;
mod consensus;
mod durability;
mod hostile;
mod node;
mod readme;
mod sim;
mod support;
mod tidy;
mod vectors;
