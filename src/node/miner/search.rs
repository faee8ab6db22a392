//! The search for a nonce, in slices.

use crate::{
    base::{
        bytes::Bytes,
        codec,
        hash::{Domain, Hash},
        limits::WORK_HEADER_BYTES,
        time::{Time, UnixTime},
    },
    chain::{address::Address, target::Target, transaction::Transaction},
    node::Template,
};

/// Where the time stands in a header's bytes.
const TIME_AT: usize = 104;
/// Where the nonce stands in a header's bytes.
const NONCE_AT: usize = WORK_HEADER_BYTES - 8;

/// One template being worked on.
#[derive(Debug)]
pub(in crate::node) struct Search {
    /// The header's bytes; only time and nonce ever change.
    header: [u8; WORK_HEADER_BYTES],
    time: u64,
    nonce: u64,
    target: Target,
    body: Bytes,
    /// When the template was asked for.
    pub(super) asked: Time,
    /// Whether the mempool has more to offer than the template.
    pub(super) stale: bool,
    /// Who is paid.
    pub(super) address: Address,
}

/// A block with its work done.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::node) struct MinedBlock {
    pub(in crate::node) hash: Hash,
    pub(in crate::node) block: Bytes,
}

impl Search {
    /// Starts at a nonce. `None` if the template states no possible target: then there is nothing to find.
    pub(in crate::node) fn new(template: &Template, address: Address, nonce: u64, asked: Time) -> Option<Self> {
        let target = template.header.target()?;
        let time = template.header.time.max(template.min_time);
        let (header, body) = (template.header.work_bytes(template.header.proof()?), template.body.clone());
        Some(Self { header, time, nonce, target, body, asked, stale: false, address })
    }

    /// Tries up to `count` nonces with the time kept current. Returns how many were tried and what was found.
    pub(in crate::node) fn run(&mut self, count: u64, now: UnixTime) -> (u64, Option<MinedBlock>) {
        // Only ever raised, so that it stays above the median time.
        self.time = self.time.max(now.0);
        self.header[TIME_AT..TIME_AT + 8].copy_from_slice(&self.time.to_le_bytes());
        for tried in 1..=count {
            self.nonce = self.nonce.wrapping_add(1);
            self.header[NONCE_AT..].copy_from_slice(&self.nonce.to_le_bytes());
            let hash = Domain::HEADER.hash(&self.header);
            if self.target.admits(&hash) {
                let block = [&self.header[..], &self.body[..]].concat().into();
                return (tried, Some(MinedBlock { hash, block }));
            }
        }
        (count, None)
    }
}

/// Whether the template's coinbase pays to this address, or to nobody.
pub(super) fn pays(template: &Template, address: &Address) -> bool {
    let coinbase = template.body.get(4..).and_then(|bytes| codec::decode_prefix::<Transaction>(bytes).ok());
    coinbase.is_some_and(|(coinbase, _)| coinbase.outputs.iter().all(|output| output.address == *address))
}
