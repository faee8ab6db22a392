//! The `tussock` program.

fn main() {}
