//! The limits that an operator sees: how much of each is used, and how often one was reached.

use std::collections::BTreeMap;

use crate::{
    base::{limits::LIMIT_LOG_INTERVAL, time::Time},
    node::PeerFault,
    wire::frame::FrameFault,
};

/// A budget of the node, or of one peer. A peer's budget shows the peer that uses most of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// Bytes of large frames while they arrive.
    Receive,
    /// Bytes queued to all peers.
    Send,
    /// Accepted connections, in whatever state.
    Accepted,
    /// Connection attempts of our own.
    Dials,
    /// Peers that opened a link to us.
    Inbound,
    /// Handshakes of others under way.
    Handshakes,
    /// Links from one IP address.
    PerAddress,
    /// Links from one network group.
    PerNetwork,
    /// Peers that we opened a link to.
    Outbound,
    /// Addresses heard of.
    BookNew,
    /// Addresses reached.
    BookTried,
    /// Bans.
    Bans,
    /// Bytes of the mempool.
    Mempool,
    /// Bytes of one frame; each kind has a cap of its own, this is the largest.
    Frame,
    /// Seconds from a frame's first byte to its last; this is the large frames' time, small ones have less.
    FrameTime,
    /// Seconds of an accepted connection's handshake.
    HandshakeTime,
    /// Seconds of silence.
    Silence,
    /// Bytes that one place in the source has logged within an hour.
    LogPlace,
    /// Connections to the HTTP server.
    HttpConnections,
    /// Bytes that they hold together.
    HttpBytes,
}

impl Limit {
    /// Its name in JSON and in logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Receive => "receive_bytes",
            Self::Send => "send_bytes",
            Self::Accepted => "connections",
            Self::Dials => "dials",
            Self::Inbound => "inbound",
            Self::Handshakes => "handshakes",
            Self::PerAddress => "inbound_per_address",
            Self::PerNetwork => "inbound_per_network",
            Self::Outbound => "outbound",
            Self::BookNew => "book_new",
            Self::BookTried => "book_tried",
            Self::Bans => "bans",
            Self::Mempool => "mempool_bytes",
            Self::Frame => "frame_bytes",
            Self::FrameTime => "frame_s",
            Self::HandshakeTime => "handshake_s",
            Self::Silence => "silence_s",
            Self::LogPlace => "log_bytes_per_place",
            Self::HttpConnections => "http_connections",
            Self::HttpBytes => "http_bytes",
        }
    }

    /// The limit of one peer that a fault went beyond, if it did.
    pub fn exceeded_by(fault: &PeerFault) -> Option<Self> {
        match fault {
            PeerFault::Frame(FrameFault::Length { .. }) => Some(Self::Frame),
            PeerFault::PartialFrame => Some(Self::FrameTime),
            PeerFault::HandshakeTimeout => Some(Self::HandshakeTime),
            PeerFault::PingTimeout => Some(Self::Silence),
            _ => None,
        }
    }
}

/// A limit at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Meter {
    /// What is used, in the limit's unit. For a limit of each peer: by the peer that uses most.
    pub used: usize,
    /// The most that may be.
    pub cap: usize,
    /// How often something was refused, delayed or given up for it.
    pub hits: u64,
}

/// Counts how often limits bite, and logs it, each at most once in [`LIMIT_LOG_INTERVAL`].
#[derive(Debug, Default)]
pub struct Limiter(BTreeMap<Limit, (u64, Time)>);

impl Limiter {
    /// A limit bit now.
    pub fn hit(&mut self, now: Time, limit: Limit, cap: usize) {
        if let Some(unsaid) = self.note(now, limit) {
            log::info!("limit reached limit={} cap={cap} times={unsaid}", limit.name());
        }
    }

    /// How often it bit since the last line, if it is time for another.
    fn note(&mut self, now: Time, limit: Limit) -> Option<u64> {
        let (unsaid, next) = self.0.entry(limit).or_insert((0, now));
        *unsaid = unsaid.saturating_add(1);
        if now < *next {
            return None;
        }
        *next = now + LIMIT_LOG_INTERVAL;
        Some(std::mem::take(unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_bites_all_the_time_is_logged_once_a_minute_with_its_count() {
        let mut limiter = Limiter::default();
        let second = std::time::Duration::from_secs(1);
        assert_eq!(limiter.note(Time(0), Limit::Send), Some(1));
        assert_eq!(limiter.note(Time(0), Limit::Inbound), Some(1), "each limit by itself");
        for n in 1..60 {
            assert_eq!(limiter.note(Time(0) + second * n, Limit::Send), None);
        }
        assert_eq!(limiter.note(Time(0) + second * 60, Limit::Send), Some(60));
    }
}
