//! Where to listen, as operators write it.

use std::{
    fmt, fs, io,
    net::{SocketAddr, SocketAddrV6},
    path::Path,
    str::FromStr,
};

/// Bytes of the name of a network interface (Linux: `IFNAMSIZ` less its end).
const MAX_ZONE_BYTES: usize = 15;

/// An IP address and a port; for IPv6 perhaps with a zone, the network interface at which a link-local address holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListenAddress {
    address: SocketAddr,
    zone: Option<String>,
}

impl ListenAddress {
    /// The port; 0: any.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The address with the number of its zone. An interface that is not there has no addresses.
    pub fn resolve(&self) -> io::Result<SocketAddr> {
        let (Some(zone), SocketAddr::V6(address)) = (&self.zone, self.address) else { return Ok(self.address) };
        let missing = |_| io::Error::new(io::ErrorKind::AddrNotAvailable, format!("there is no interface {zone}"));
        let text = fs::read_to_string(Path::new("/sys/class/net").join(zone).join("ifindex")).map_err(missing)?;
        let index = text.trim().parse().map_err(io::Error::other)?;
        Ok(SocketAddrV6::new(*address.ip(), address.port(), 0, index).into())
    }
}

impl From<SocketAddr> for ListenAddress {
    fn from(address: SocketAddr) -> Self {
        Self { address, zone: None }
    }
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(Self { address, zone: None });
        }
        let is_zone = |zone: &str| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            (1..=MAX_ZONE_BYTES).contains(&zone.len()) && zone.chars().all(allowed) && !zone.starts_with('.')
        };
        let with_zone = || {
            let (ip, rest) = text.strip_prefix('[')?.split_once('%')?;
            let (zone, port) = rest.split_once("]:").filter(|(zone, _)| is_zone(zone))?;
            let address = SocketAddrV6::new(ip.parse().ok()?, port.parse().ok()?, 0, 0);
            Some(Self { address: address.into(), zone: Some(zone.to_owned()) })
        };
        with_zone().ok_or_else(|| format!("\"{text}\" is not IP:PORT, such as 127.0.0.1:4130 or [fe80::1%eth0]:4130"))
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.zone {
            None => self.address.fmt(f),
            Some(zone) => write!(f, "[{}%{zone}]:{}", self.address.ip(), self.address.port()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown_with_their_zones() {
        for text in ["127.0.0.1:4130", "[::]:0", "[fe80::1%eth0.5]:4130"] {
            assert_eq!(text.parse::<ListenAddress>().map(|address| address.to_string()), Ok(text.to_owned()));
        }
        for text in ["somewhere", "localhost:1", "[fe80::1%../x]:1", "[fe80::1%]:1", "[127.0.0.1%lo]:1", "[::1%lo]"] {
            assert!(text.parse::<ListenAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_zone_stands_for_the_number_of_its_interface() {
        let resolve = |text: &str| text.parse::<ListenAddress>().expect("a valid address").resolve();
        let missing = resolve("[fe80::1%nosuchif]:7").expect_err("there is no such interface");
        assert_eq!(missing.kind(), io::ErrorKind::AddrNotAvailable);
        if Path::new("/sys/class/net/lo/ifindex").exists() {
            let SocketAddr::V6(address) = resolve("[fe80::1%lo]:7").expect("loopback is there") else { panic!() };
            assert!(address.scope_id() > 0 && address.port() == 7);
        }
    }
}
