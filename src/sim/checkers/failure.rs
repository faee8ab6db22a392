//! What a checker complains of.

use serde::Serialize;

use crate::base::time::Time;

/// A complaint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which checker complains.
    pub checker: &'static str,
    /// World time.
    pub at: Time,
    /// The node, if it is about one.
    pub node: Option<usize>,
    /// What is wrong.
    pub what: String,
}

/// A complaint as it is printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Complaint {
    /// Which checker complains.
    pub checker: String,
    /// Virtual microseconds since the start.
    pub at_us: u64,
    /// The node, if it is about one.
    pub node: Option<usize>,
    /// What is wrong.
    pub what: String,
}

impl From<&Failure> for Complaint {
    fn from(failure: &Failure) -> Self {
        let Failure { checker, at, node, what } = failure.clone();
        Self { checker: checker.to_owned(), at_us: at.0, node, what }
    }
}
