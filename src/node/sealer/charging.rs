//! What messages of authorities cost their sender.

use crate::{
    base::{ids::LinkId, time::Now},
    node::PeerFault,
    wire::frame::Frame,
};

use super::{Sealer, worth::Worth};

impl Sealer {
    /// What brings nothing is counted, and so is what may bring something: anybody can make that.
    pub(super) fn charge(&mut self, now: Now, link: LinkId, frame: &Frame, worth: Worth) -> Result<(), PeerFault> {
        let Some(peer) = self.peers.get_mut(&link) else { return Ok(()) };
        let (bytes, block_time) = (frame.body.len(), self.sealing.block_time);
        let (is_free, what) = match worth {
            Worth::News => return Ok(()),
            Worth::Nothing => {
                (peer.allowance.take(now.mono, self.news, bytes), "messages of authorities that bring nothing")
            }
            Worth::Unknown => (
                peer.allowance.take_unknown(now.mono, block_time, bytes),
                "messages of authorities whom nothing here shows to seal",
            ),
        };
        if is_free { Ok(()) } else { Err(PeerFault::Flood(what)) }
    }
}
