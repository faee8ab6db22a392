//! Tells all roles how the chain has moved.

use std::sync::Arc;

use crate::node::{
    ChainMove, Outbox,
    notice::{ToFetch, ToGossip, ToHandshake, ToHeaders, ToMiner, ToPeers, ToSealer, ToSnapshot},
};

/// All but `verify` hear of it.
pub(super) fn tell_move(moved: ChainMove, out: &mut Outbox) {
    let moved = Arc::new(moved);
    out.tell(ToHeaders::ChainMoved(moved.clone()));
    out.tell(ToFetch::ChainMoved(moved.clone()));
    // `peers` before `gossip`, which may ask it to tell of the new tip.
    out.tell(ToPeers::ChainMoved(moved.clone()));
    out.tell(ToGossip::ChainMoved(moved.clone()));
    out.tell(ToMiner::ChainMoved(moved.clone()));
    out.tell(ToSealer::ChainMoved(moved.clone()));
    out.tell(ToSnapshot::ChainMoved(moved.clone()));
    out.tell(ToHandshake::ChainMoved(moved));
}
