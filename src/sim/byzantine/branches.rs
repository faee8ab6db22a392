//! Makes branches whose headers have work and whose bodies do not come, come in part, do not fit, or are invalid.
//!
//! The headers cost as much work as they need: nobody delivers these blocks, so that no chain of honest miners loses
//! against them. Only first bodies that are valid are paid for at the rate of the other byzantine miners.

use crate::{
    base::{
        bytes::Bytes,
        codec::List,
        hash::Hash,
        ids::LinkId,
        limits::{MAX_SYNC_HEADERS, WORK_HEADER_BYTES},
        rng::Rng,
    },
    chain::{
        block::{HashedBlock, HashedTransaction},
        header::{HEADER_VERSION, Header},
        key::SecretKey,
        rules,
        seal::Seal,
        testkit,
    },
    sim::{
        byzantine::{
            transactions,
            trick::{Context, Trick},
        },
        options::Options,
    },
    wire::{
        frame::{Frame, checksum},
        message::{Kind, Message},
    },
};

/// Ticks between two branches, and between those of a siege.
const TICKS: u64 = 20;
const SIEGE_TICKS: u64 = 8;
/// Blocks by which branches of a siege are further ahead than others, so that honest miners do not outdo them soon.
const SIEGE_AHEAD: usize = 10;
/// Ticks after the first body of a branch at which its sender leaves, and at which it is back.
const GONE: u64 = 2;
const BACK: u64 = 12;
/// Seconds of work that it begins with.
const AHEAD: u64 = 10;

/// What it answers when it is asked for a body that it does not deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Silence,
    Absent,
    /// The body of another block.
    Other,
    Empty,
    Cut,
    /// A body that fits its header, with a wrong state digest …
    WrongDigest,
    /// … a coinbase that takes too much …
    WrongAmount,
    /// … or a transaction that spends a coin that does not exist.
    MissingCoin,
}

const MANNERS: [Manner; 8] = [
    Manner::Silence,
    Manner::Absent,
    Manner::Other,
    Manner::Empty,
    Manner::Cut,
    Manner::WrongDigest,
    Manner::WrongAmount,
    Manner::MissingCoin,
];

/// The trick.
pub(super) struct Branches {
    manner: Manner,
    /// The first body is valid, and is delivered.
    is_half: bool,
    /// Blocks below the tip at which the branch leaves the chain.
    depth: u64,
    /// The run's branches are so deep that a peer that knows nothing yet is to hear of the shared blocks first.
    is_deep: bool,
    length: usize,
    /// It pushes the first body, which is invalid, leaves, and comes back with the rest.
    leaves: bool,
    branch: Vec<HashedBlock>,
    ticks: u64,
    /// Ticks between two branches.
    every: u64,
    /// Hashes per second for first bodies, when they were first counted, and hashes since.
    rate: u64,
    since: Option<u64>,
    spent: u64,
}

impl Branches {
    /// Draws what the branches are like. Hit and run: the first body is invalid by the coins, and by the time that a node
    /// finds out, its sender has left. Siege: nobody delivers anything.
    pub(super) fn draw(options: &Options, rate: u64, rng: &mut Rng) -> Self {
        let Options { fork_depth, hit_and_run, siege, .. } = *options;
        let is_deep = fork_depth > 0;
        let manner = *rng.pick(&MANNERS).unwrap_or(&Manner::Silence);
        let (is_half, is_aside) = (rng.chance(400_000), rng.chance(400_000));
        let ahead = *rng.pick(&[1, 2, 4, 10, 40]).unwrap_or(&1);
        let (manner, is_half) = match (siege, hit_and_run) {
            (true, _) => (Manner::Silence, false),
            (_, true) => (Manner::WrongAmount, false),
            _ => (manner, is_half),
        };
        let is_aside = is_aside || hit_and_run;
        let ahead = if siege { ahead + SIEGE_AHEAD } else { ahead };
        let length = usize::try_from(fork_depth).unwrap_or(0) + ahead + usize::from(hit_and_run);
        Self {
            leaves: hit_and_run,
            manner,
            is_half,
            depth: if is_deep { fork_depth } else { u64::from(is_aside) },
            is_deep,
            length: length.min(options.longest_branch()),
            branch: Vec::new(),
            ticks: rng.below(TICKS),
            every: if siege { SIEGE_TICKS } else { TICKS },
            rate,
            since: None,
            spent: 0,
        }
    }

    /// Whether the work of another valid block is paid for.
    fn may_begin(&mut self, unix: u64) -> bool {
        let seconds = unix.saturating_sub(*self.since.get_or_insert(unix)) + AHEAD;
        !self.is_half || self.spent < seconds * self.rate
    }

    /// Makes a branch on the node's own tip, or on a block below it.
    fn begin(&mut self, context: &mut Context<'_>) -> Option<()> {
        let (tip, mut parent) = context.tip()?;
        let mut digest = tip.digest;
        for _ in 0..self.depth.min(u64::from(parent.height)) {
            (digest, parent) = (parent.state_digest, context.header(&parent.previous)?);
        }
        self.branch.clear();
        for at in 0..self.length {
            let is_valid = at == 0 && self.is_half;
            let block = self.block(&parent, digest, is_valid, context);
            if is_valid {
                self.spent += block.header.proof().map_or(0, |proof| proof.nonce) + 1;
            }
            (parent, digest) = (block.header.clone(), Hash(context.rng.bytes()));
            self.branch.push(block);
        }
        let Self { manner, is_half, depth, length, .. } = self;
        let (node, base) = (context.node, parent.height + 1 - u32::try_from(*length).unwrap_or(0));
        log::debug!(
            target: "tussock::sim",
            "node {node} makes a false branch height={base} blocks={length} {manner:?} half={is_half} depth={depth}"
        );
        Some(())
    }

    fn block(&self, parent: &Header, digest: Hash, is_valid: bool, context: &mut Context<'_>) -> HashedBlock {
        let height = parent.height + 1;
        let subsidy = context.spec.subsidy(height);
        let (mut digest, mut amount, mut spends) = (digest, subsidy, None);
        match self.manner {
            _ if is_valid => {}
            Manner::WrongDigest => digest = Hash(context.rng.bytes()),
            Manner::WrongAmount => amount += 1,
            Manner::MissingCoin => spends = Some(transactions::of_a_missing_coin(context.spec, context.rng)),
            _ => {}
        }
        let memo = context.rng.bytes::<8>();
        let coinbase = testkit::coinbase(height, SecretKey::well_known(0).address(), amount, &memo);
        let transactions = std::iter::once(coinbase).chain(spends).map(HashedTransaction::new).collect();
        let header = Header {
            version: HEADER_VERSION,
            height,
            previous: parent.hash(),
            merkle_root: Hash::ZERO,
            state_digest: digest,
            time: self.time(parent, context),
            seal: Seal::unsolved(rules::next_target(context.spec, parent.time, parent.height)),
        };
        testkit::seal(header, transactions)
    }

    /// A deep branch takes the time that honest miners took, or its blocks would become hard to find.
    fn time(&self, parent: &Header, context: &Context<'_>) -> u64 {
        let usual = parent.time + u64::from(context.spec.parameters.block_time);
        if self.is_deep { usual.min(context.unix).max(parent.time + 1) } else { parent.time + 1 }
    }

    /// The headers that are sent in place of an honest answer: those up to the fork, as far as the asker lacks them, and the
    /// branch. `None`: the fork is further up.
    fn headers(&self, answer: &Frame) -> Option<Vec<Header>> {
        let branch = self.branch.iter().map(|block| block.header.clone());
        if !self.is_deep {
            return Some(branch.take(MAX_SYNC_HEADERS).collect());
        }
        let Ok(Message::Sync(shared)) = answer.open() else { return None };
        let fork = self.branch.first()?.header.previous;
        let below = shared.iter().position(|header| header.hash() == fork).map(|at| at + 1);
        let below = below.or((shared.len() < MAX_SYNC_HEADERS).then_some(0))?;
        Some(shared.iter().take(below).cloned().chain(branch).take(MAX_SYNC_HEADERS).collect())
    }

    /// The answer to a question for the block at this position of the branch.
    fn body(&self, at: usize) -> Option<Message> {
        let block = self.branch.get(at)?;
        if at == 0 && self.is_half {
            return Some(Message::Block(block.bytes.clone()));
        }
        Some(match self.manner {
            Manner::Silence => return None,
            Manner::Absent => Message::Absent(block.hash),
            Manner::Other => {
                let mut bytes = block.bytes.to_vec();
                let last = bytes.len() - 1;
                bytes[last] ^= 1;
                Message::Block(bytes.into())
            }
            Manner::Empty => Message::Block(HashedBlock::new(block.header.clone(), Vec::new()).bytes),
            Manner::Cut => Message::Block(block.bytes[..block.bytes.len() - 7].to_vec().into()),
            Manner::WrongDigest | Manner::WrongAmount | Manner::MissingCoin => Message::Block(block.bytes.clone()),
        })
    }

    fn claim(&self, context: &mut Context<'_>) -> Option<Frame> {
        let last = self.branch.last()?;
        let nonce = context.rng.next_u64();
        Some(Frame::new(&Message::Ping { nonce, height: last.header.height, tip: last.hash }))
    }

    fn claims(&self, links: &[LinkId], context: &mut Context<'_>) -> Vec<(LinkId, Frame)> {
        let claim = self.claim(context);
        links.iter().filter_map(|link| Some((*link, claim.clone()?))).collect()
    }

    fn announce(&self, links: &[LinkId], context: &mut Context<'_>) -> Vec<(LinkId, Frame)> {
        if self.leaves {
            let first = self.body(0).map(|message| Frame::new(&message));
            return links.iter().filter_map(|link| Some((*link, first.clone()?))).collect();
        }
        let Some(claim) = self.claim(context) else { return Vec::new() };
        // Some hear of the first block by itself, as news.
        let pushed = self.body(0).filter(|message| matches!(message, Message::Block(_)));
        let pushed = pushed.map(|message| Frame::new(&message));
        let mut frames = Vec::new();
        for link in links {
            if let Some(frame) = pushed.as_ref().filter(|_| context.rng.chance(500_000)) {
                frames.push((*link, frame.clone()));
            }
            frames.push((*link, claim.clone()));
        }
        frames
    }
}

impl Trick for Branches {
    fn send(&mut self, _link: LinkId, frame: Frame, context: &mut Context<'_>) -> Vec<Frame> {
        match frame.kind {
            Kind::Sync if !self.branch.is_empty() && context.rng.chance(800_000) => match self.headers(&frame) {
                Some(headers) => vec![Frame::new(&Message::Sync(List::truncated(headers)))],
                None => vec![frame],
            },
            Kind::Absent => {
                let asked = frame.body.get(..32).and_then(|bytes| bytes.try_into().ok()).map(Hash);
                match self.branch.iter().position(|block| Some(block.hash) == asked) {
                    Some(at) => self.body(at).iter().map(Frame::new).collect(),
                    None => vec![frame],
                }
            }
            _ => vec![frame],
        }
    }

    fn leaves(&self) -> bool {
        self.leaves && self.ticks % TICKS == GONE
    }

    fn tick(&mut self, links: &[LinkId], context: &mut Context<'_>) -> Vec<(LinkId, Frame)> {
        self.ticks += 1;
        if self.leaves && self.ticks % TICKS == BACK {
            return self.claims(links, context);
        }
        if !self.ticks.is_multiple_of(self.every) || !self.may_begin(context.unix) || self.begin(context).is_none() {
            return Vec::new();
        }
        self.announce(links, context)
    }
}

/// Sends junk under the headers of blocks that everybody has.
pub(super) struct Junk;

impl Trick for Junk {
    fn tick(&mut self, links: &[LinkId], context: &mut Context<'_>) -> Vec<(LinkId, Frame)> {
        let Some((_, header)) = context.tip() else { return Vec::new() };
        let header = context.header(&header.previous).filter(|_| context.rng.chance(500_000)).unwrap_or(header);
        let mut bytes = header.to_bytes().to_vec();
        let length = usize::try_from(context.rng.between(100, 5_000)).unwrap_or(100);
        bytes.extend((0..length / 50).flat_map(|_| context.rng.bytes::<50>()));
        let body: Bytes = bytes.into();
        // A checksum of a part only is wrong.
        let right = context.rng.chance(500_000);
        let checksum = checksum(if right { &body } else { &body[..WORK_HEADER_BYTES] });
        log::debug!(
            target: "tussock::sim",
            "node {} sends junk under a known header height={} right_checksum={right}",
            context.node,
            header.height
        );
        let frame = Frame { kind: Kind::Block, checksum, body };
        links.iter().map(|link| (*link, frame.clone())).collect()
    }
}

/// Sends blocks whose parent nobody knows, and that have no work.
pub(super) struct Orphans;

impl Trick for Orphans {
    fn tick(&mut self, links: &[LinkId], context: &mut Context<'_>) -> Vec<(LinkId, Frame)> {
        let Some((_, mut header)) = context.tip() else { return Vec::new() };
        header.previous = Hash(context.rng.bytes());
        header.height += 5;
        while header.has_work(&header.hash()) {
            header.next_nonce();
        }
        log::debug!(target: "tussock::sim", "node {} sends an orphan without work height={}", context.node, header.height);
        let frame = Frame::new(&Message::Block(HashedBlock::new(header, Vec::new()).bytes));
        links.iter().map(|link| (*link, frame.clone())).collect()
    }
}
