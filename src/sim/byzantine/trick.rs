//! What every trick has in common.

use std::net::IpAddr;

use crate::{
    base::{hash::Hash, ids::LinkId, rng::Rng},
    chain::{archive::Tip, header::Header, spec::ChainSpec},
    sim::disk::Disk,
    wire::frame::Frame,
};

/// What a trick may look at.
pub(in crate::sim) struct Context<'a> {
    /// The chain.
    pub spec: &'a ChainSpec,
    /// The node's randomness.
    pub rng: &'a mut Rng,
    /// The node's clock, unix seconds.
    pub unix: u64,
    /// The node's number, for the log.
    pub node: usize,
    /// What its roles have stored.
    pub disk: &'a Disk,
    /// The node at the other end of a link.
    pub peer: &'a dyn Fn(LinkId) -> Option<usize>,
}

/// What comes of a frame that the node hears.
#[derive(Default)]
pub(in crate::sim) struct Heard {
    /// Whether its roles do not hear of it.
    pub is_kept: bool,
    /// What the node says because of it.
    pub says: Vec<(LinkId, Frame)>,
}

impl Context<'_> {
    /// The node's own tip.
    pub(in crate::sim) fn tip(&self) -> Option<(Tip, Header)> {
        let tip = self.disk.read(|ledger| ledger.tip()).ok()?;
        let header = self.header(&tip.hash)?;
        Some((tip, header))
    }

    /// A header that the node has.
    pub(in crate::sim) fn header(&self, hash: &Hash) -> Option<Header> {
        Some(self.disk.read(|ledger| ledger.header(hash)).ok()??.header)
    }
}

/// One way to be dishonest.
pub(in crate::sim) trait Trick {
    /// The frames that go out in place of one that the roles send.
    fn send(&mut self, link: LinkId, frame: Frame, context: &mut Context<'_>) -> Vec<Frame> {
        let _ = (link, context);
        vec![frame]
    }

    /// The role `sealer` is about to hear a frame. `links`: those to all peers.
    fn hear(&mut self, frame: &Frame, links: &[LinkId], context: &mut Context<'_>) -> Heard {
        let _ = (frame, links, context);
        Heard::default()
    }

    /// Frames that the node sends on its own, and the links that they go to.
    fn tick(&mut self, links: &[LinkId], context: &mut Context<'_>) -> Vec<(LinkId, Frame)> {
        let _ = (links, context);
        Vec::new()
    }

    /// Whether the node leaves all its peers now.
    fn leaves(&self) -> bool {
        false
    }

    /// Whether the node mines. All byzantine nodes together have at most a third of the work.
    fn mines(&self) -> bool {
        false
    }

    /// Whether it signs with the node's key what the roles do not know of.
    fn signs(&self) -> bool {
        false
    }

    /// Whether the node may go on when all other faults are over. Tricks that could have more work than the honest miners
    /// may not.
    fn may_stay(&self) -> bool {
        true
    }

    /// The IP address that the node's dials seem to come from, if it is not the node's own.
    fn dials_from(&self) -> Option<IpAddr> {
        None
    }

    /// Bytes per second that the node reads from a link on which `queued` bytes wait; `None`: as fast as it can.
    fn reads(&self, link: LinkId, queued: usize) -> Option<u64> {
        let _ = (link, queued);
        None
    }

    /// Whether the node's bytes go out one at a time.
    fn drips(&self) -> bool {
        false
    }
}
