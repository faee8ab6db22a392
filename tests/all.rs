//! Every integration test, in one binary: each further binary would link the whole node again.
//!
//! To run one file: `cargo test --test all hostile::`.

mod authorities;
mod bad_input;
mod branches;
mod busy;
mod chains;
mod cli;
mod cluster;
mod cluster_script;
mod consensus;
mod constrained;
mod docs;
mod durability;
mod everyday;
mod filesystems;
mod fuzz;
mod hindrances;
mod hostile;
mod joining;
mod members;
mod memory;
mod node;
mod offline;
mod operations;
mod page;
mod past;
mod paying;
mod poll_loop;
mod pruned;
mod readme;
mod receipts;
mod sealed;
mod search;
mod shop;
mod sim;
mod sim_sealed;
mod spending;
mod support;
mod tables;
mod tidy;
mod told;
mod tools;
mod undone;
mod vectors;
mod wall;
