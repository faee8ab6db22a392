//! Host names of simulated nodes.

use std::net::SocketAddr;

use crate::node::{HostName, NodeAddress, Setup};

/// A question what a name stands for, on its way.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) node: usize,
    pub(super) life: u32,
    pub(super) name: HostName,
}

/// Lets a node know its neighbours by their names only.
pub(super) fn name_neighbours(setup: &mut Setup) {
    let names = |addresses: &mut Vec<SocketAddr>| std::mem::take(addresses).into_iter().filter_map(name_of).collect();
    setup.connect_names = names(&mut setup.connect);
    setup.bootnode_names = names(&mut setup.bootnodes);
}

/// The name with the digits of an address.
pub(super) fn name_of(address: SocketAddr) -> Option<HostName> {
    let text = format!("{}.sim:{}", address.ip().to_string().replace('.', "-"), address.port());
    match text.parse() {
        Ok(NodeAddress::Name(name)) => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_a_name_of_its_own() {
        let name = |last| name_of(SocketAddr::new([20, 0, 1, last].into(), 4130)).map(|name| name.to_string());
        assert_eq!([name(1), name(2)], ["20-0-1-1.sim:4130", "20-0-1-2.sim:4130"].map(|name| Some(name.to_owned())));
    }
}
