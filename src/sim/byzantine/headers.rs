//! Answers with headers that lead nowhere: unconnected ones, or an endless branch from genesis that has work but no
//! bodies. The work is paid for at the rate of the other byzantine miners: against more than half of it nothing is promised.

use crate::{
    base::{codec::List, hash::Hash, ids::LinkId, limits},
    chain::{
        header::{HEADER_VERSION, Header},
        rules,
        seal::Seal,
    },
    sim::{
        byzantine::trick::{Context, Trick},
        options::Options,
    },
    wire::{
        frame::Frame,
        message::{Kind, Message},
    },
};

/// Headers of the branch that are kept at most.
const MAX_BRANCH: usize = 1000;
/// Hashes that one answer may cost.
const EFFORT: u64 = 20_000;
/// Seconds of work that it begins with.
const AHEAD: u64 = 10;

/// The trick.
pub(super) struct Headers {
    branch: Vec<Header>,
    /// Headers of the branch that are kept.
    most: usize,
    /// Hashes per second.
    rate: u64,
    /// When it was first asked, unix seconds, and hashes since.
    since: Option<u64>,
    spent: u64,
}

impl Trick for Headers {
    fn send(&mut self, _link: LinkId, frame: Frame, context: &mut Context<'_>) -> Vec<Frame> {
        if frame.kind != Kind::Sync {
            return vec![frame];
        }
        let headers = if context.rng.chance(300_000) { unconnected(context) } else { self.endless(context) };
        vec![Frame::new(&Message::Sync(List::truncated(headers)))]
    }
}

impl Headers {
    /// With this rate of hashes per second. Where a node follows headers alone, no branch may have more work than the honest one.
    pub(super) fn new(options: &Options, rate: u64) -> Self {
        let most = options.joiner().map_or(MAX_BRANCH, |_| (options.history / 2).min(MAX_BRANCH));
        Self { branch: Vec::new(), most, rate, since: None, spent: 0 }
    }

    /// A page of the branch, which grows with every answer.
    fn endless(&mut self, context: &mut Context<'_>) -> Vec<Header> {
        let seconds = context.unix.saturating_sub(*self.since.get_or_insert(context.unix)) + AHEAD;
        let most = (seconds * self.rate).saturating_sub(self.spent).min(EFFORT);
        let mut effort = most;
        while self.branch.len() < self.most {
            let parent = self.branch.last().unwrap_or(&context.spec.genesis.header).clone();
            let Some(header) = solved(&parent, &mut effort, context) else { break };
            self.branch.push(header);
        }
        self.spent += most - effort;
        let last = self.branch.len().saturating_sub(limits::MAX_SYNC_HEADERS);
        let from = usize::try_from(context.rng.below(last as u64 + 1)).unwrap_or(0);
        self.branch[from..].to_vec()
    }
}

/// A header with work on top of a parent, without a body; `None`: that takes more than `effort` hashes.
pub(super) fn solved(parent: &Header, effort: &mut u64, context: &mut Context<'_>) -> Option<Header> {
    let mut header = Header {
        version: HEADER_VERSION,
        height: parent.height + 1,
        previous: parent.hash(),
        merkle_root: Hash(context.rng.bytes()),
        state_digest: Hash(context.rng.bytes()),
        time: parent.time + u64::from(context.spec.parameters.block_time),
        seal: Seal::unsolved(rules::next_target(context.spec, parent.time, parent.height)),
    };
    while *effort > 0 && !header.has_work(&header.hash()) {
        header.next_nonce();
        *effort -= 1;
    }
    (*effort > 0).then_some(header)
}

fn unconnected(context: &mut Context<'_>) -> Vec<Header> {
    let mut header = context.spec.genesis.header.clone();
    header.previous = Hash(context.rng.bytes());
    header.height = 7;
    vec![header]
}
