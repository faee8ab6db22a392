//! What a run showed.

use super::{checks::Complaint, plan::Plan};

/// What a run showed.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What was played.
    pub plan: Plan,
    /// What a check complained of.
    pub complaint: Option<Complaint>,
    /// The highest final view.
    pub last_final: u64,
    /// Final blocks.
    pub blocks: usize,
    /// Messages that arrived.
    pub messages: usize,
    /// Events.
    pub events: u64,
}
