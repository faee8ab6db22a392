//! The endpoint over connections in memory.

mod crowd;
mod flow;
mod opening;
mod pieces;
mod proposing;
mod pushing;
mod reading;
mod rig;
mod ring;
mod sealed;
mod segments;
mod sending;

use super::{Order, hearers};
use crate::{
    base::{hash::Hash, ids::LinkId, limits},
    node::{CloseReason, Direction, LinkAction, LinkEvent, PeerFault, RoleId, limit::Limit},
    wire::{
        frame::{Frame, FrameFault},
        message::{GoodbyeCode, Kind, Message},
    },
};
use rig::{MAGIC, Peer, Rig};

fn block(bytes: usize) -> Message {
    Message::Block(vec![0; bytes].into())
}

fn goodbye(code: GoodbyeCode) -> Message {
    Message::Goodbye { code: code as u8, retry_after: 0 }
}

fn fault(fault: PeerFault) -> CloseReason {
    CloseReason::Fault(fault)
}
