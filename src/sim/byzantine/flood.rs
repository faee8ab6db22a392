//! Tells addresses that nobody listens on, as many as fit.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::{
    base::{codec::List, ids::LinkId, limits, time::UnixTime},
    sim::byzantine::trick::{Context, Trick},
    wire::{
        frame::Frame,
        message::{Message, PeerAddress},
    },
};

/// The trick.
pub(super) struct Flood;

impl Trick for Flood {
    fn tick(&mut self, links: &[LinkId], context: &mut Context<'_>) -> Vec<(LinkId, Frame)> {
        let unix = UnixTime(context.unix);
        let invent = |_| {
            let [first, second, third, fourth, high, low] = context.rng.bytes::<6>();
            let ip = IpAddr::V4(Ipv4Addr::new(first, second, third, fourth));
            PeerAddress::new(SocketAddr::new(ip, u16::from_be_bytes([high, low])), unix)
        };
        let addresses = List::truncated((0..limits::MAX_PEERS_ADDRESSES).map(invent));
        let frame = Frame::new(&Message::Peers(addresses));
        links.iter().map(|link| (*link, frame.clone())).collect()
    }
}
