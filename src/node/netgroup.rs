//! What an address says about who owns it: its network group, and whether it makes sense to dial it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

use crate::wire::message::canonical_ip;

/// Ports of services that a connection from us would only disturb; also 0, which nothing listens on.
const BAD_PORTS: [u16; 6] = [0, 22, 25, 53, 80, 443];

/// Addresses that one operator can easily have many of: a /16 of IPv4, a /32 of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NetGroup([u8; 5]);

impl NetGroup {
    /// The group of an IP address.
    pub fn of(ip: IpAddr) -> Self {
        match canonical_ip(ip) {
            IpAddr::V4(ip) => {
                let [a, b, ..] = ip.octets();
                Self([4, a, b, 0, 0])
            }
            IpAddr::V6(ip) => {
                let [a, b, c, d, ..] = ip.octets();
                Self([6, a, b, c, d])
            }
        }
    }

    /// Distinct bytes for each group, to hash.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The address with a mapped IPv4 address as plain IPv4, so that one node has one name. An IPv6 zone stays: a link-local
/// address cannot be dialled without it.
pub fn canonical(address: SocketAddr) -> SocketAddr {
    match (canonical_ip(address.ip()), address) {
        (IpAddr::V6(ip), SocketAddr::V6(v6)) => SocketAddrV6::new(ip, v6.port(), 0, v6.scope_id()).into(),
        (ip, _) => SocketAddr::new(ip, address.port()),
    }
}

/// What one host has for its own: an IPv4 address, or a /64 of IPv6, which every customer gets and may use up at will.
/// As the network's first address.
pub fn host(ip: IpAddr) -> IpAddr {
    match canonical_ip(ip) {
        IpAddr::V4(ip) => IpAddr::V4(ip),
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
    }
}

/// Where the nodes of a cluster on one host are neighbours. A test chain limits nothing by address or network there; the
/// rest of 127.0.0.0/8 counts as any other network, so that its /16s can stand for networks in tests.
pub fn is_own_host(ip: IpAddr) -> bool {
    match canonical_ip(ip) {
        IpAddr::V4(ip) => ip.octets().starts_with(&[127, 0]),
        IpAddr::V6(ip) => ip.is_loopback(),
    }
}

/// Whether there may be several outbound links to the network of this address on a test chain: a local network is one.
pub fn is_close(ip: IpAddr) -> bool {
    is_own_host(ip) || !canonical_ip(ip).is_loopback()
}

/// Where packets to an address stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// They leave for the Internet, as far as the address alone tells.
    Internet,
    /// On networks of one owner: private addresses, those of a provider's network (RFC 6598), link-local ones.
    Local,
    /// On this host.
    Host,
    /// Nobody has such an address.
    Nowhere,
}

impl Scope {
    /// The scope of an IP address.
    pub fn of(ip: IpAddr) -> Self {
        match canonical_ip(ip) {
            ip if ip.is_unspecified() || ip.is_multicast() => Self::Nowhere,
            ip if ip.is_loopback() => Self::Host,
            IpAddr::V4(ip) => {
                let [a, b, ..] = ip.octets();
                let is_shared = a == 100 && (64..128).contains(&b);
                match () {
                    () if a == 0 || a >= 240 => Self::Nowhere,
                    () if ip.is_private() || ip.is_link_local() || is_shared => Self::Local,
                    () => Self::Internet,
                }
            }
            IpAddr::V6(ip) if ip.is_unique_local() || ip.is_unicast_link_local() => Self::Local,
            IpAddr::V6(_) => Self::Internet,
        }
    }
}

/// Whether an address that a peer told us may be dialled. On test chains every unicast address may. Elsewhere a stranger must
/// not make us connect to hosts of our own network, unless `is_ours`: the operator or the chain named nodes of this scope.
pub fn may_be_dialled(address: SocketAddr, test_chain: bool, is_ours: impl FnOnce(Scope) -> bool) -> bool {
    let is_unicast = !(address.ip().is_unspecified() || canonical_ip(address.ip()).is_multicast());
    if test_chain {
        return address.port() != 0 && is_unicast;
    }
    match Scope::of(address.ip()) {
        _ if BAD_PORTS.contains(&address.port()) => false,
        Scope::Internet => true,
        Scope::Nowhere => false,
        scope @ (Scope::Local | Scope::Host) => is_ours(scope),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_mapped_address_becomes_ipv4_and_a_zone_stays() {
        assert_eq!(canonical(address("[::ffff:8.8.1.1]:4130")), address("8.8.1.1:4130"));
        assert_eq!(canonical(address("[fe80::1%7]:4130")), address("[fe80::1%7]:4130"));
    }

    #[test]
    fn groups_are_slash_16_and_slash_32() {
        let group = |text: &str| NetGroup::of(text.parse().unwrap());
        assert_eq!(group("8.8.1.1"), group("8.8.200.7"));
        assert_ne!(group("8.8.1.1"), group("8.9.1.1"));
        assert_eq!(group("2001:db8:1::"), group("2001:db8:ffff::9"));
        assert_ne!(group("2001:db8::"), group("2001:db9::"));
        assert_eq!(group("::ffff:8.8.1.1"), group("8.8.1.1"));
    }

    #[test]
    fn a_host_is_an_ipv4_address_or_a_slash_64() {
        let host = |text: &str| host(text.parse().unwrap()).to_string();
        assert_eq!(host("8.8.1.1"), "8.8.1.1");
        assert_eq!(host("::ffff:8.8.1.1"), "8.8.1.1");
        assert_eq!(host("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_ne!(host("2001:db8:1:2::1"), host("2001:db8:1:3::1"));
    }

    #[test]
    fn a_part_of_loopback_stands_for_other_networks() {
        let of = |test: fn(IpAddr) -> bool, text: &str| test(text.parse().unwrap());
        for own in ["127.0.0.1", "127.0.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(of(is_own_host, own) && of(is_close, own), "{own}");
        }
        for stranger in ["127.66.0.1", "::ffff:127.1.0.1"] {
            assert!(!of(is_own_host, stranger) && !of(is_close, stranger), "{stranger}");
        }
        assert!(!of(is_own_host, "192.168.0.7") && of(is_close, "192.168.0.7"));
    }

    #[test]
    fn private_addresses_are_dialled_where_nodes_of_their_scope_were_named_and_ports_of_other_services_never() {
        let dialled =
            |text: &str, test, ours: Option<Scope>| may_be_dialled(address(text), test, |one| ours == Some(one));
        let local = ["10.0.0.1:4130", "192.168.1.1:4130", "100.64.0.1:4130", "[fe80::1]:4130", "[fd00::1]:4130"];
        let host = ["127.0.0.1:4130", "[::1]:4130"];
        for (texts, scope, other) in [(&local[..], Scope::Local, Scope::Host), (&host, Scope::Host, Scope::Local)] {
            for text in texts {
                assert!(!dialled(text, false, None) && !dialled(text, false, Some(other)), "{text}");
                assert!(dialled(text, false, Some(scope)) && dialled(text, true, None), "{text}");
            }
        }
        assert!(!dialled("8.8.8.8:22", false, None) && !dialled("10.0.0.1:22", false, Some(Scope::Local)));
        assert!(dialled("8.8.8.8:22", true, None));
        for text in ["8.8.8.8:0", "0.0.0.0:4130", "224.0.0.1:4130", "[ff02::1]:4130"] {
            assert!(
                !dialled(text, true, Some(Scope::Nowhere)) && !dialled(text, false, Some(Scope::Nowhere)),
                "{text}"
            );
        }
        assert!(dialled("8.8.8.8:4130", false, None) && dialled("[2a00::1]:4130", false, None));
    }
}
