//! The nodes that may link.

use std::collections::BTreeSet;

use crate::base::ids::NodeId;

/// The nodes that may link.
pub type Members = BTreeSet<NodeId>;
