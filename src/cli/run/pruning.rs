//! What a start says of a ledger that keeps only its last blocks, or is to.

use super::plan::Plan;
use crate::{
    chain::archive::{Keep, LedgerStore as _, StoreError},
    cli::exit::{Failure, Outcome},
    config::keep::check_keep,
    node::Setup,
    store::LedgerDb,
};

impl Plan {
    /// Refuses to keep so few blocks that newcomers could not join with this node's snapshots, if it gives any. What is wrong with
    /// so few if it does not.
    pub(super) fn check_keep(&self) -> Outcome<Option<String>> {
        let (flags, spec) = (self.flags(), self.context.spec());
        let interval = flags.snapshot_interval.unwrap_or_else(|| Setup::snapshot_interval(spec));
        let depth = flags.join_depth.unwrap_or_else(|| Setup::join_depth(spec));
        match check_keep(self.keep(), interval, depth) {
            Err(problem) if flags.serve_snapshots == Some(true) => Err(Failure::usage(format!(
                "{problem}; keep more, let them join less deep (--join-depth), or leave out --serve-snapshots"
            ))),
            checked => Ok(checked.err()),
        }
    }
}

/// Says in the log what is and what will be kept. Returns the lowest height whose block is whole; `None`: all are and will be.
pub(super) fn tell(keep: Keep, ledger: &LedgerDb) -> Result<Option<u32>, StoreError> {
    let kept_from = ledger.kept_from();
    if keep == Keep::All {
        if kept_from > 1 {
            log::info!(
                "the ledger was pruned, blocks below this height are no longer here; without --keep no more of them go \
                 kept_from={kept_from}"
            );
        }
        return Ok((kept_from > 1).then_some(kept_from));
    }
    log::info!("only the last blocks are kept whole keep={keep:?} kept_from={kept_from}");
    if !ledger.gives_room_back()? {
        log::warn!(
            "the ledger was made without --keep: the room of blocks that go is used again, but the file does not shrink; to \
             shrink it once, stop the node and run: tussock prune"
        );
    }
    Ok(Some(kept_from))
}
