//! Every integration test, one binary: each further one would link the whole node, with link-time optimisation, anew.
//!
//! One file of them: `cargo test --release --test all hostile::`.

mod bad_input;
mod branches;
mod cli;
mod cluster;
mod consensus;
mod constrained;
mod docs;
mod durability;
mod fuzz;
mod hostile;
mod node;
mod operations;
mod page;
mod readme;
mod sim;
mod support;
mod tidy;
mod tools;
mod vectors;
