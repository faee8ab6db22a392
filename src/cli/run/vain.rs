//! Settings that do nothing, or not what their operator may think.

use super::plan::Plan;
use crate::{
    cli::exit::{Failure, Outcome},
    config::JoinFrom,
    node::Setup,
};

impl Plan {
    /// What is to be said of settings about joining and snapshots. Refuses to let a node verify the whole history whose operator
    /// names a block to join at.
    /// `has_begun`: the ledger has begun to join, and goes on with it.
    pub(super) fn vain_settings(&self, has_begun: bool) -> Outcome<Vec<String>> {
        let (flags, spec) = (self.flags(), self.context.spec());
        let (joins, serves) = (flags.join == Some(JoinFrom::Snapshot), flags.serve_snapshots == Some(true));
        if flags.join_at.is_some() && !joins {
            return Err(Failure::usage("--join-at says where to join: it needs --join snapshot"));
        }
        let is_sealed = spec.seal_rules().needs_certificate();
        let interval = flags.snapshot_interval.unwrap_or_else(|| Setup::snapshot_interval(spec));
        let depth = flags.join_depth.unwrap_or_else(|| Setup::join_depth(spec));
        let mut said = Vec::new();
        if flags.join_depth.is_some() && is_sealed {
            said.push("--join-depth does nothing: on a chain that authorities seal any final block will do".to_owned());
        } else if flags.join_depth.is_some() && !joins && !has_begun && !serves {
            said.push("--join-depth does nothing without --join snapshot".to_owned());
        }
        if flags.snapshot_interval.is_some() && !serves {
            said.push("--snapshot-interval does nothing without --serve-snapshots".to_owned());
        }
        if serves && !is_sealed && interval.saturating_mul(2) <= depth {
            said.push(format!(
                "nodes join {depth} blocks below the tip, and the last two snapshots, one each {interval} blocks, are never so \
                 deep: none can join with them but with a smaller --join-depth; let --snapshot-interval be {depth} or more"
            ));
        }
        Ok(said)
    }
}
