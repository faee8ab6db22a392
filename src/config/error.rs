//! Errors in flags, variables and configuration files.

/// A bad configuration: one line with the place, the problem and the next step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Something in it is wrong.
    #[error("{0}")]
    Usage(String),
    /// A chain file of another version of the protocol.
    #[error("{0}")]
    Mismatch(String),
}
