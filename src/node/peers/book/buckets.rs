//! Where an address belongs in the book: keyed hashes of it, its network group and its source's.

use std::net::{IpAddr, SocketAddr};

use crate::{
    base::{
        hash::Domain,
        limits::{BOOK_NEW, BOOK_TRIED},
    },
    chain::archive::BookEntry,
    node::netgroup::{NetGroup, Scope, is_own_host},
};

/// Buckets of the new table; few places each, since ten sources may tell addresses of one group, and each such pair
/// of groups reaches one bucket.
const NEW_BUCKETS: u64 = 256;
/// Buckets that the addresses told by one source group reach: 1/16.
const NEW_BUCKETS_PER_SOURCE: u64 = 16;
/// Buckets of the tried table.
const TRIED_BUCKETS: u64 = 64;
/// Buckets that the addresses of one group reach: 1/32.
const TRIED_BUCKETS_PER_GROUP: u64 = 2;

/// Which table an address is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::node::peers) enum Table {
    /// Heard of.
    New,
    /// Reached.
    Tried,
}

/// A place of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) table: Table,
    pub(super) index: u64,
}

/// The rule, with the book's secret.
pub(super) struct Buckets {
    pub(super) secret: [u8; 32],
    /// On a test chain, addresses of our own host are told apart by their ports: a cluster shares one IP address. So are
    /// those of a local network, on every chain: the book has them only where the operator or the chain named some.
    pub(super) test_chain: bool,
}

impl Buckets {
    /// Its place among addresses heard of.
    pub(super) fn new_place(&self, entry: &BookEntry) -> Place {
        let group = self.group(entry.address);
        let source = match entry.source {
            None => group.clone(),
            // A cluster on one host: there is no network group to tell sources apart by, nor an attacker.
            Some(source) if self.is_local(source) && self.is_local(entry.address) => group.clone(),
            Some(source) => NetGroup::of(source.ip()).bytes().to_vec(),
        };
        let spread = self.draw(b"new spread", &[&group, &source], NEW_BUCKETS_PER_SOURCE);
        let bucket = self.draw(b"new bucket", &[&source, &spread.to_le_bytes()], NEW_BUCKETS);
        self.place_in(Table::New, bucket, NEW_BUCKETS, BOOK_NEW, entry.address)
    }

    /// Its place among addresses reached.
    pub(super) fn tried_place(&self, address: SocketAddr) -> Place {
        let group = self.group(address);
        let spread = self.draw(b"tried spread", &[&address_bytes(address)], TRIED_BUCKETS_PER_GROUP);
        let bucket = self.draw(b"tried bucket", &[&group, &spread.to_le_bytes()], TRIED_BUCKETS);
        self.place_in(Table::Tried, bucket, TRIED_BUCKETS, BOOK_TRIED, address)
    }

    fn place_in(&self, table: Table, bucket: u64, buckets: u64, places: usize, address: SocketAddr) -> Place {
        let per_bucket = places as u64 / buckets;
        let within = self.draw(b"place", &[&bucket.to_le_bytes(), &address_bytes(address)], per_bucket);
        Place { table, index: bucket * per_bucket + within }
    }

    fn group(&self, address: SocketAddr) -> Vec<u8> {
        if self.is_local(address) { address_bytes(address) } else { NetGroup::of(address.ip()).bytes().to_vec() }
    }

    fn is_local(&self, address: SocketAddr) -> bool {
        match Scope::of(address.ip()) {
            Scope::Local => true,
            Scope::Host => !self.test_chain || is_own_host(address.ip()),
            Scope::Internet | Scope::Nowhere => false,
        }
    }

    /// A number in `0..bound` that cannot be foreseen without the secret.
    fn draw(&self, purpose: &[u8], parts: &[&[u8]], bound: u64) -> u64 {
        let mut input = self.secret.to_vec();
        input.extend_from_slice(purpose);
        for part in parts {
            // Parts of any length, so that no two lists of parts run together to the same bytes.
            input.extend_from_slice(&(part.len() as u64).to_le_bytes());
            input.extend_from_slice(part);
        }
        let hash = Domain::BUCKET.hash(&input).0;
        let [a, b, c, d, e, f, g, h, ..] = hash;
        u64::from_le_bytes([a, b, c, d, e, f, g, h]) % bound
    }
}

fn address_bytes(address: SocketAddr) -> Vec<u8> {
    let mut bytes = match address.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    bytes.extend_from_slice(&address.port().to_le_bytes());
    bytes
}
