//! What a start says of a ledger that keeps only its last blocks.

use crate::{
    chain::archive::{Keep, LedgerStore as _, StoreError},
    config::keep::{JOIN_DEPTH, SNAPSHOT_INTERVAL, check_keep},
    store::LedgerDb,
};

/// Says in the log what is and what will be kept. Returns the lowest height whose block is whole; `None`: all are and will be.
pub(super) fn tell(keep: Keep, ledger: &LedgerDb) -> Result<Option<u32>, StoreError> {
    let kept_from = ledger.kept_from();
    if let Err(problem) = check_keep(keep, SNAPSHOT_INTERVAL, JOIN_DEPTH) {
        log::warn!("{problem}; this node cannot serve such newcomers");
    }
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
