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
    rates: AgreementRates,
    total: RateLimit,
    /// Each with the time of its last agreement.
    addresses: BTreeMap<IpAddr, (Time, RateLimit)>,
}

impl Agreements {
    pub(super) fn new(rates: AgreementRates) -> Self {
        Self { total: full(rates.total), rates, addresses: BTreeMap::new() }
    }

    /// An address begins one more. An error is the end of its link, before anything is computed.
    pub(super) fn begin(&mut self, now: Time, remote: SocketAddr) -> Result<(), CloseReason> {
        let ip = host(remote.ip());
        if (self.rates.own_host || !is_own_host(remote.ip())) && !self.of(now, ip).take(now) {
            return Err(CloseReason::Fault(PeerFault::Flood("key agreements")));
        }
        if self.total.take(now) { Ok(()) } else { Err(CloseReason::Local(GoodbyeCode::Full)) }
    }

    fn of(&mut self, now: Time, ip: IpAddr) -> &mut RateLimit {
        if self.addresses.len() >= MAX_ADDRESSES && !self.addresses.contains_key(&ip) {
            let oldest = self.addresses.iter().min_by_key(|(_, (last, _))| *last).map(|(ip, _)| *ip);
            oldest.and_then(|ip| self.addresses.remove(&ip));
        }
        let (last, rate) = self.addresses.entry(ip).or_insert((now, full(self.rates.address)));
        *last = now;
        rate
    }
}

fn full((per_second, at_once): (u32, u32)) -> RateLimit {
    RateLimit::new(Time(0), at_once, at_once, Duration::from_secs(1) / per_second.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_or_all_together_begin_only_so_many() {
        let rates = AgreementRates { address: (1, 3), total: (10, 10), own_host: true };
        let mut agreements = Agreements::new(rates);
        let mut begun = |now, ip: [u8; 4]| agreements.begin(Time(now), SocketAddr::from((ip, 5)));
        assert!((0..3).all(|_| begun(0, [8, 0, 0, 1]).is_ok()));
        assert!(matches!(begun(0, [8, 0, 0, 1]), Err(CloseReason::Fault(PeerFault::Flood(_)))));
        assert!((2..9).all(|n| begun(0, [8, 0, 0, n]).is_ok()));
        assert_eq!(begun(0, [8, 0, 0, 100]), Err(CloseReason::Local(GoodbyeCode::Full)), "it is not to blame");
        assert!(begun(1_000_000, [8, 0, 0, 1]).is_ok());
        (0..2 * MAX_ADDRESSES).for_each(|n| drop(begun(2_000_000, [9, 0, (n / 256) as u8, n as u8])));
        assert!(agreements.addresses.len() <= MAX_ADDRESSES);
    }

    #[test]
    fn on_a_test_chain_the_own_host_is_many_nodes() {
        let mut agreements = Agreements::new(AgreementRates { address: (1, 1), total: (1, 9), own_host: false });
        let begun = (0..20).filter(|_| agreements.begin(Time(0), SocketAddr::from(([127, 0, 0, 1], 5))).is_ok());
        assert_eq!(begun.count(), 9);
    }
}
