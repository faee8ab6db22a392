//! Block templates for the miner and for programs.

use std::sync::Arc;

use crate::{
    base::{
        codec::List,
        hash::{Domain, Hash},
        limits,
        time::Now,
    },
    chain::{
        address::Address,
        archive::{HeaderRow, StoreError},
        block::HashedTransaction,
        header::{HEADER_VERSION, Header},
        merkle,
        rules::ParentFacts,
        schedule::Timeline,
        spec::ChainSpec,
        transaction::{Output, TRANSACTION_VERSION, Transaction},
    },
    node::{Outbox, Setup, Template},
};

use super::{active_chain::ActiveChain, chainstate::Chainstate};

/// Says in a coinbase's memo which program made the block.
const TAG: &[u8] = b"tussock";

/// Makes block templates. Extra nonces differ for each node and each template, so that two miners who are paid at one
/// address do not search the same headers.
#[derive(Debug)]
pub(super) struct TemplateMaker {
    node: Hash,
    /// Templates made so far.
    count: u64,
}

impl TemplateMaker {
    /// A node is told apart by its key: where it listens, thousands do.
    pub(super) fn new(setup: &Setup) -> Self {
        Self { node: setup.key.salt("extra nonces"), count: 0 }
    }

    /// Commits, and makes a template on the committed tip that pays to `address`.
    pub(super) fn make(
        &mut self,
        now: Now,
        address: Address,
        active: &mut ActiveChain,
        out: &mut Outbox,
    ) -> Result<Arc<Template>, StoreError> {
        active.commit(now, out)?;
        let (chain, extra) = (active.chain(), self.extra_nonce(now));
        let height = chain.tip().height.saturating_add(1);
        let empty = coinbase(chain.spec(), height, address, 0, extra);
        // The coinbase without its output is the smallest; an output is an amount and an address.
        let reserved = 4 + empty.size + 28;
        let (selected, fees) = active.pool().select(limits::MAX_BLOCK_BYTES - reserved);
        let coinbase = coinbase(chain.spec(), height, address, fees, extra);
        let count = u32::try_from(selected.len() + 1).expect("a block's transactions are limited to far below 2^32");
        // Exact: a list that grows takes twice as much for a while, and may keep it.
        let sizes: usize = selected.iter().map(|hashed| hashed.size).sum();
        let mut body = Vec::with_capacity(4 + coinbase.size + sizes);
        body.extend_from_slice(&count.to_le_bytes());
        let mut leaves = Vec::with_capacity(selected.len() + 1);
        for hashed in std::iter::once(&coinbase).chain(selected.iter().map(AsRef::as_ref)) {
            body.extend_from_slice(&hashed.transaction.to_bytes());
            leaves.push(hashed.leaf);
        }
        let (parent, _) = parent_facts(chain, &chain.row(&chain.tip().hash)?)?;
        let digests = (merkle::root(leaves), chain.tip().digest);
        let (header, min_time) = draft(now, chain.spec(), &parent, digests);
        Ok(Arc::new(Template { header, body: body.into(), min_time, transactions: selected.len() }))
    }

    /// A template without payments on any parent. `digest`: of the coins after it.
    pub(super) fn make_empty(
        &mut self,
        now: Now,
        spec: &ChainSpec,
        (parent, digest): (&ParentFacts, Hash),
        address: Address,
    ) -> Template {
        let extra = self.extra_nonce(now);
        let coinbase = coinbase(spec, parent.height.saturating_add(1), address, 0, extra);
        let body = [&1u32.to_le_bytes()[..], &coinbase.transaction.to_bytes()].concat();
        let (header, min_time) = draft(now, spec, parent, (merkle::root(vec![coinbase.leaf]), digest));
        Template { header, body: body.into(), min_time, transactions: 0 }
    }

    fn extra_nonce(&mut self, now: Now) -> [u8; 8] {
        self.count = self.count.wrapping_add(1);
        let mut input = self.node.0.to_vec();
        input.extend_from_slice(&self.count.to_le_bytes());
        input.extend_from_slice(&now.mono.0.to_le_bytes());
        let hash = Domain::STREAM.hash(&input).0;
        [hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]]
    }
}

/// The transaction that pays subsidy and fees, all of them: see [`crate::chain::rules::check_coinbase_amount`].
fn coinbase(spec: &ChainSpec, height: u32, address: Address, fees: u64, extra: [u8; 8]) -> HashedTransaction {
    let amount = spec.subsidy(height).saturating_add(fees);
    let memo = height.to_le_bytes().into_iter().chain(TAG.iter().copied()).chain(extra);
    HashedTransaction::new(Transaction {
        version: TRANSACTION_VERSION,
        inputs: List::EMPTY,
        outputs: List::truncated((amount > 0).then_some(Output { amount, address })),
        memo: List::truncated(memo),
    })
}

/// A header that still needs its seal, and the least time that it may have.
fn draft(now: Now, spec: &ChainSpec, parent: &ParentFacts, (merkle_root, state_digest): (Hash, Hash)) -> (Header, u64) {
    let rules = spec.seal_rules();
    let min_time = rules.min_time(parent);
    let header = Header {
        version: HEADER_VERSION,
        height: parent.height.saturating_add(1),
        previous: parent.hash,
        merkle_root,
        state_digest,
        time: now.unix.0.max(min_time),
        seal: rules.draft(spec, parent),
    };
    (header, min_time)
}

/// What the next header's rules need to know of a block of the applied chain, and the times up to it.
pub(super) fn parent_facts(chain: &Chainstate, row: &HeaderRow) -> Result<(ParentFacts, Timeline), StoreError> {
    let next = row.header.height.saturating_add(1);
    let from = next.saturating_sub(u32::try_from(limits::MEDIAN_TIME_BLOCKS).unwrap_or(u32::MAX));
    let headers = chain.store().applied_from(from, next.saturating_sub(from) as usize)?;
    let times = headers.iter().map(|header| header.time);
    let timeline = Timeline::new(chain.spec().parameters.pause_cap, times, row.paused);
    let HeaderRow { hash, work, paused, .. } = *row;
    let (height, time, median_time) = (row.header.height, row.header.time, timeline.median_time());
    Ok((ParentFacts { hash, height, time, median_time, paused, work }, timeline))
}
