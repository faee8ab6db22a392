//! What a block that is not taken means for whoever brought it.

use crate::{
    base::hash::Hash,
    chain::rules::BlockFault,
    node::{Origin, Outbox, PeerFault, notice::ToFetch},
};

/// Charges the peer that delivered a block, if one did.
pub(super) fn blame(origin: Origin, fault: PeerFault, out: &mut Outbox) {
    if let Some(link) = origin.liable() {
        out.fault(link, fault);
    }
}

/// Lets `fetch` ask for a body again later. Nobody is to blame.
pub(super) fn refuse(origin: Origin, hash: Hash, why: &str, out: &mut Outbox) {
    log::debug!("block not taken: block={hash} reason={why}");
    let fault = BlockFault::Malformed(why.to_owned());
    out.tell(ToFetch::BodyRefused { hash, origin, fault: Box::new(fault) });
}
