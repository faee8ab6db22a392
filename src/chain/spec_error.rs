//! Why a chain's file cannot be used.

use crate::chain::address::AddressError;

/// The version of the protocol that a chain's file must name. Files of version 1 name none.
pub(super) const PROTOCOL: u32 = 2;

/// Why a chain specification cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// Of another version of the protocol, by its number.
    #[error("{}", other_protocol(*.0))]
    Protocol(u32),
    /// Not TOML, or with unknown or missing keys.
    #[error("{0}")]
    Syntax(String),
    /// A value out of its range.
    #[error("{key}: {problem}")]
    Value {
        /// The key in the file.
        key: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// An allocation's address is not one of this chain's.
    #[error("allocations: number {number}, {address:?}: {error}")]
    Address {
        /// Which of them, from 1 on.
        number: usize,
        /// What the file says.
        address: String,
        /// What is wrong.
        error: AddressError,
    },
}

fn other_protocol(found: u32) -> String {
    let advice = match found {
        0..PROTOCOL => "make a new chain with: tussock genesis new",
        _ => "use a newer tussock",
    };
    format!("the chain was made by protocol {found}, and this program speaks protocol {PROTOCOL}; {advice}")
}
