//! How many key agreements others may begin. Each costs us a few multiplications of points, and a stranger nothing.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use crate::{
    base::time::Time,
    link::AgreementRates,
    node::{
        CloseReason, PeerFault,
        netgroup::{host, is_own_host},
        rate_limit::RateLimit,
    },
    wire::message::GoodbyeCode,
};

/// Addresses whose rates are remembered; the one that asked longest ago makes room.
const MAX_ADDRESSES: usize = 1024;

/// The rates of all addresses.
pub(super) struct Agreements {
    own_host: bool,
    total: RateLimit,
    arrivals: Addresses,
    begun: Addresses,
}

impl Agreements {
    pub(super) fn new(rates: AgreementRates) -> Self {
        let AgreementRates { arrivals, address, total, own_host } = rates;
        Self { own_host, total: full(total), arrivals: Addresses::new(arrivals), begun: Addresses::new(address) }
    }

    /// Whether an address may open one more connection. No peer needs as many, whatever it is told on them.
    pub(super) fn may_arrive(&mut self, now: Time, remote: SocketAddr) -> bool {
        !self.counts(remote) || self.arrivals.take(now, remote)
    }

    /// An address begins one more. An error is the end of its link, before anything is computed.
    pub(super) fn begin(&mut self, now: Time, remote: SocketAddr) -> Result<(), CloseReason> {
        if self.counts(remote) && !self.begun.take(now, remote) {
            return Err(CloseReason::Fault(PeerFault::Flood("key agreements")));
        }
        if self.total.take(now) { Ok(()) } else { Err(CloseReason::Local(GoodbyeCode::Full)) }
    }

    /// Whether an address has rates of its own: on test chains the own host is many nodes.
    fn counts(&self, remote: SocketAddr) -> bool {
        self.own_host || !is_own_host(remote.ip())
    }
}

/// The same rate for each address.
struct Addresses {
    rate: (u32, u32),
    /// Each with the time at which it last came.
    known: BTreeMap<IpAddr, (Time, RateLimit)>,
}

impl Addresses {
    fn new(rate: (u32, u32)) -> Self {
        Self { rate, known: BTreeMap::new() }
    }

    /// Whether this address may do it once more.
    fn take(&mut self, now: Time, remote: SocketAddr) -> bool {
        let ip = host(remote.ip());
        if self.known.len() >= MAX_ADDRESSES && !self.known.contains_key(&ip) {
            let oldest = self.known.iter().min_by_key(|(_, (last, _))| *last).map(|(ip, _)| *ip);
            oldest.and_then(|ip| self.known.remove(&ip));
        }
        let (last, rate) = self.known.entry(ip).or_insert((now, full(self.rate)));
        *last = now;
        rate.take(now)
    }
}

fn full((per_second, at_once): (u32, u32)) -> RateLimit {
    RateLimit::new(Time(0), at_once, at_once, Duration::from_secs(1) / per_second.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: AgreementRates = AgreementRates { arrivals: (1, 5), address: (1, 3), total: (10, 10), own_host: true };

    #[test]
    fn one_address_or_all_together_begin_only_so_many() {
        let mut agreements = Agreements::new(RATES);
        let mut begun = |now, ip: [u8; 4]| agreements.begin(Time(now), SocketAddr::from((ip, 5)));
        assert!((0..3).all(|_| begun(0, [8, 0, 0, 1]).is_ok()));
        assert!(matches!(begun(0, [8, 0, 0, 1]), Err(CloseReason::Fault(PeerFault::Flood(_)))));
        assert!((2..9).all(|n| begun(0, [8, 0, 0, n]).is_ok()));
        assert_eq!(begun(0, [8, 0, 0, 100]), Err(CloseReason::Local(GoodbyeCode::Full)), "it is not to blame");
        assert!(begun(1_000_000, [8, 0, 0, 1]).is_ok());
        (0..2 * MAX_ADDRESSES).for_each(|n| drop(begun(2_000_000, [9, 0, (n / 256) as u8, n as u8])));
        assert!(agreements.begun.known.len() <= MAX_ADDRESSES);
    }

    #[test]
    fn on_a_test_chain_the_own_host_is_many_nodes() {
        let rates = AgreementRates { arrivals: (1, 1), address: (1, 1), total: (1, 9), own_host: false };
        let (mut agreements, own) = (Agreements::new(rates), SocketAddr::from(([127, 0, 0, 1], 5)));
        assert!((0..20).all(|_| agreements.may_arrive(Time(0), own)));
        let begun = (0..20).filter(|_| agreements.begin(Time(0), own).is_ok());
        assert_eq!(begun.count(), 9);
    }

    #[test]
    fn connections_of_one_address_are_taken_only_so_often_and_keep_no_other_out() {
        let mut agreements = Agreements::new(RATES);
        let mut taken =
            |now, ip: [u8; 4]| (0..9).filter(|_| agreements.may_arrive(Time(now), SocketAddr::from((ip, 5)))).count();
        assert_eq!([taken(0, [8, 0, 0, 1]), taken(0, [8, 0, 0, 2])], [5, 5]);
        assert_eq!(taken(2_000_000, [8, 0, 0, 1]), 2);
    }
}
