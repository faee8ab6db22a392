//! Errors in flags, variables and configuration files.

/// A bad configuration: one line with the place, the problem and the next step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);
