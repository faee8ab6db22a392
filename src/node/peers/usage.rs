//! Reports for the operator: the peers, and the use of limits.

use super::{
    barred::Barred,
    book::{Book, Table},
    dial_errors::DialErrors,
    dialer::Dialer,
    identities::Identities,
    links::{Link, LinkedPeer, Links},
};
use crate::{
    base::{
        ids::LinkId,
        limits::{BOOK_NEW, BOOK_TRIED, MAX_BANS, PENDING_DIALS},
        time::Time,
    },
    node::{
        Outbox,
        limit::Limit,
        report::{PeerReport, Report},
    },
};

/// The numbers reported last.
#[derive(Debug)]
pub(super) struct Usage {
    /// Inbound and outbound peers.
    peers: (usize, usize),
    /// Outbound slots, dials, new and tried addresses, bans; at first a number that none of them has.
    used: [usize; 5],
}

impl Usage {
    /// Nothing was reported yet.
    pub(super) fn new() -> Self {
        Self { peers: (0, 0), used: [usize::MAX; 5] }
    }

    /// Reports the numbers that have changed.
    pub(super) fn report(&mut self, links: &Links, dialer: &Dialer, book: &Book, barred: &Barred, out: &mut Outbox) {
        let (inbound, outbound) = links.counts();
        if self.peers != (inbound, outbound) {
            self.peers = (inbound, outbound);
            out.report(Report::PeerCount { inbound, outbound });
        }
        let now = [
            (Limit::Outbound, links.outbound(), dialer.slots()),
            (Limit::Dials, dialer.pending(), PENDING_DIALS),
            (Limit::BookNew, book.count(Table::New), BOOK_NEW),
            (Limit::BookTried, book.count(Table::Tried), BOOK_TRIED),
            (Limit::Bans, barred.ban_count(), MAX_BANS),
        ];
        for ((limit, used, cap), last) in now.into_iter().zip(&mut self.used) {
            if std::mem::replace(last, used) != used {
                out.report(Report::Used { limit, used, cap });
            }
        }
    }
}

/// All peers, for the operator.
pub(super) fn peers(
    now: Time,
    links: &Links,
    barred: &Barred,
    errors: &DialErrors,
    identities: &Identities,
) -> Vec<PeerReport> {
    let report = |(id, link, peer): (LinkId, &Link, &LinkedPeer)| PeerReport {
        link: id,
        info: peer.info().clone(),
        height: peer.height(),
        ping_us: peer.keep_alive.round_trip().map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX)),
        since: peer.since(),
        score: barred.points(now, link.remote().ip()),
        protected: identities.protection(peer.info().node),
        last_error: link.listens().and_then(|listens| errors.last(listens)),
    };
    links.peers().map(report).collect()
}
