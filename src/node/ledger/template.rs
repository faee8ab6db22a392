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
        archive::{StoreError, Tip},
        block::HashedTransaction,
        header::{HEADER_VERSION, Header},
        merkle,
        rules::{self, ParentFacts},
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
        let (tip, rules, parent) = (chain.tip(), chain.spec().seal_rules(), parent_facts(chain)?);
        let min_time = rules.min_time(&parent);
        let header = Header {
            version: HEADER_VERSION,
            height,
            previous: tip.hash,
            merkle_root: merkle::root(leaves),
            state_digest: tip.digest,
            time: now.unix.0.max(min_time),
            seal: rules.draft(chain.spec(), &parent),
        };
        Ok(Arc::new(Template { header, body: body.into(), min_time, transactions: selected.len() }))
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

/// The transaction that pays subsidy and fees, all of them: see [`rules::check_coinbase_amount`].
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

/// What the next header's rules need to know of the tip.
fn parent_facts(chain: &Chainstate) -> Result<ParentFacts, StoreError> {
    let span = u32::try_from(limits::MEDIAN_TIME_BLOCKS).unwrap_or(u32::MAX);
    let from = chain.tip().height.saturating_add(1).saturating_sub(span);
    let headers = chain.store().applied_from(from, limits::MEDIAN_TIME_BLOCKS)?;
    let mut times: Vec<u64> = headers.iter().map(|header| header.time).collect();
    let Tip { hash, height, time, work, .. } = *chain.tip();
    let paused = chain.row(&hash)?.paused;
    Ok(ParentFacts { hash, height, time, median_time: rules::median_time(&mut times), paused, work })
}
