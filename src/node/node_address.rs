//! How operators name a node: by an IP address or a host name, with a port.

use std::{fmt, net::SocketAddr, str::FromStr};

/// A host name and a port. It stays a name: what it stands for is asked before each dial.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName {
    host: String,
    port: u16,
}

/// Where a node is to be found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeAddress {
    /// `IP:PORT`.
    Ip(SocketAddr),
    /// `HOST:PORT`, also an IPv6 address with the name of a zone: only the host knows that zone's number.
    Name(HostName),
}

impl HostName {
    /// The name.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl NodeAddress {
    /// How operators write an address.
    pub const FORM: &str = "an address is IP:PORT or HOST:PORT, such as 127.0.0.1:4130, with ID@ before it if you like";

    /// Addresses and names, apart.
    pub fn split(all: impl IntoIterator<Item = Self>) -> (Vec<SocketAddr>, Vec<HostName>) {
        let (mut addresses, mut names) = (Vec::new(), Vec::new());
        for one in all {
            match one {
                Self::Ip(address) => addresses.push(address),
                Self::Name(name) => names.push(name),
            }
        }
        (addresses, names)
    }
}

impl FromStr for NodeAddress {
    type Err = String;

    /// An IPv6 address may have brackets and a zone: `[fe80::1%eth0]:4130`.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Ip(address));
        }
        let parts = text.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        let (host, port) = parts.ok_or(Self::FORM)?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
        if host.is_empty() || !host.chars().all(allowed) {
            return Err(format!("\"{host}\" is neither an IP address nor a host name"));
        }
        Ok(Self::Name(HostName { host: host.to_owned(), port }))
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

impl fmt::Display for NodeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(host: &str, port: u16) -> Result<NodeAddress, String> {
        Ok(NodeAddress::Name(HostName { host: host.to_owned(), port }))
    }

    #[test]
    fn addresses_names_and_zones_are_told_apart() {
        let parse = |text: &str| text.parse::<NodeAddress>();
        assert_eq!(parse("127.0.0.1:4130"), Ok(NodeAddress::Ip(([127, 0, 0, 1], 4130).into())));
        assert_eq!(parse("[::1%1]:4130").map(|one| matches!(one, NodeAddress::Ip(_))), Ok(true));
        assert_eq!(parse("node.example:4130"), name("node.example", 4130));
        assert_eq!([parse("[fe80::1%lo]:1"), parse("fe80::1%lo:1")], [name("fe80::1%lo", 1), name("fe80::1%lo", 1)]);
        for text in ["127.0.0.1", ":1", "a:b", "hello world:1", "hello world", ""] {
            assert!(parse(text).is_err(), "{text}");
        }
        let error = parse("127.0.0.1").unwrap_err();
        assert!(["IP:PORT", "HOST:PORT", "ID@"].iter().all(|form| error.contains(form)), "{error}");
    }

    #[test]
    fn what_is_shown_can_be_read_again() {
        for text in ["127.0.0.1:4130", "[::1]:9", "node.example:4130", "[fe80::1%eth0]:4130"] {
            assert_eq!(text.parse::<NodeAddress>().map(|address| address.to_string()), Ok(text.to_owned()));
        }
    }
}
