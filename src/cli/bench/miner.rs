//! Whether anything makes the blocks that a load waits for.

use serde_json::json;

use super::super::exit::{Exit, Failure, Outcome};
use crate::{chain::spec::ChainSpec, rpc::client::Client};

/// Refuses nodes none of which mines, where nothing else makes blocks: only payments in blocks count.
pub(super) fn require(spec: &ChainSpec, nodes: &[Client]) -> Outcome {
    if spec.instant || spec.authorities.at(1).is_some() {
        return Ok(());
    }
    for node in nodes {
        let status = node.call("status", json!([]));
        if status.map_err(|error| Failure::new(Exit::Rejected, format!("status: {error}")))?["mining"]["enabled"]
            == true
        {
            return Ok(());
        }
    }
    let advice = "start one of these nodes with --mine KEY, or name the one that mines with --node; in a cluster: \
                  scripts/cluster.sh clean, then up with --miners 1";
    Err(Failure::new(Exit::Rejected, format!("nobody mines, so no payment would get into a block; {advice}")))
}
