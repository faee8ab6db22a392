//! Misleads with what stands for a block: short ids and transactions that are not the block's, headers of blocks that do not
//! exist or are not delivered, questions without end.

use crate::{
    base::{codec::List, hash::Hash, ids::LinkId, rng::Rng},
    chain::{
        block::HashedBlock,
        header::{HEADER_VERSION, Header},
        rules,
        seal::Seal,
    },
    sim::byzantine::{
        transactions,
        trick::{Context, Trick},
    },
    wire::{
        compact::{CompactBlock, ShortIds},
        frame::Frame,
        message::{Kind, Message},
        short_id::ShortId,
    },
};

/// Questions that it sends each second: more than anybody may.
const QUESTIONS: usize = 40;
/// Hashes that the header of a block that does not exist may cost.
const EFFORT: u64 = 20_000;

/// What it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// Sends each block as a compact one with ids of other transactions, or with one id twice.
    WrongIds,
    /// Sends other transactions than it is asked for, or some that nobody asked for.
    WrongTransactions,
    /// Tells of blocks that do not exist, with work or without, and answers no question for a block.
    Ghosts,
    /// Asks for transactions of old blocks without end.
    Questions,
}

const MANNERS: [Manner; 4] = [Manner::WrongIds, Manner::WrongTransactions, Manner::Ghosts, Manner::Questions];

/// The trick.
pub(super) struct Misleads {
    manner: Manner,
    /// Whether the log has it.
    is_told: bool,
}

impl Misleads {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        Self { manner: *rng.pick(&MANNERS).unwrap_or(&Manner::Ghosts), is_told: false }
    }

    /// A compact block in place of a block, or of one that fits.
    fn wrong_ids(frame: Frame, context: &mut Context<'_>) -> Frame {
        let compact = match frame.open() {
            Ok(Message::Block(bytes)) => HashedBlock::decode(bytes).ok().map(|block| compact_of(&block)),
            Ok(Message::CompactBlock(compact)) => Some(*compact),
            _ => None,
        };
        let Some(mut compact) = compact else { return frame };
        let mut ids = compact.ids.into_vec();
        match ids.first().copied() {
            Some(first) if context.rng.chance(500_000) => ids.push(first),
            Some(_) => ids.reverse(),
            None => ids.push(ShortId(context.rng.next_u64())),
        }
        compact.ids = List::truncated(ids);
        Frame::new(&Message::CompactBlock(Box::new(compact)))
    }

    fn wrong_transactions(frame: Frame, context: &mut Context<'_>) -> Frame {
        let Ok(Message::BlockTransactions(hash, transactions)) = frame.open() else { return frame };
        let mut transactions = transactions.into_vec();
        transactions.pop();
        if context.rng.chance(800_000) {
            transactions.push(transactions::of_a_missing_coin(context.spec, context.rng));
        }
        Frame::new(&Message::BlockTransactions(hash, List::truncated(transactions)))
    }
}

/// Its coinbase whole, and the ids of all others.
fn compact_of(block: &HashedBlock) -> CompactBlock {
    let ids = ShortIds::new(&block.hash, 1);
    let listed = block.transactions.iter().skip(1).map(|one| ids.of(&one.leaf));
    let whole = block.transactions.iter().take(1).map(|one| (0, one.transaction.clone()));
    CompactBlock { header: block.header.clone(), nonce: 1, ids: List::truncated(listed), whole: List::truncated(whole) }
}

/// The header of a block that does not exist, on the node's tip. Without work in one of four cases.
fn ghost(context: &mut Context<'_>) -> Option<Header> {
    let (_, parent) = context.tip()?;
    let mut header = Header {
        version: HEADER_VERSION,
        height: parent.height + 1,
        previous: parent.hash(),
        merkle_root: Hash(context.rng.bytes()),
        state_digest: Hash(context.rng.bytes()),
        time: (parent.time + 1).max(context.unix),
        seal: Seal::unsolved(rules::next_target(context.spec, parent.time, parent.height)),
    };
    let wanted = !context.rng.chance(250_000);
    let found = (0..EFFORT).any(|_| {
        header.next_nonce();
        header.has_work(&header.hash()) == wanted
    });
    found.then_some(header)
}

impl Trick for Misleads {
    fn send(&mut self, _link: LinkId, frame: Frame, context: &mut Context<'_>) -> Vec<Frame> {
        match (self.manner, frame.kind) {
            (Manner::WrongIds, Kind::Block | Kind::CompactBlock) => vec![Self::wrong_ids(frame, context)],
            (Manner::WrongTransactions, Kind::BlockTransactions) => vec![Self::wrong_transactions(frame, context)],
            (Manner::WrongTransactions, Kind::CompactBlock) => {
                // Nobody has a transaction with such an id: it is asked for.
                let Ok(Message::CompactBlock(mut compact)) = frame.open() else { return vec![frame] };
                compact.ids.as_mut_slice().iter_mut().take(1).for_each(|id| id.0 ^= 1);
                vec![Frame::new(&Message::CompactBlock(compact))]
            }
            (Manner::Ghosts, Kind::CompactBlock | Kind::Block) => {
                let told = Header::peek(&frame.body).map(|header| Message::BlockHeader(Box::new(header)));
                told.iter().map(Frame::new).collect()
            }
            (Manner::Ghosts, Kind::BlockTransactions) => Vec::new(),
            _ => vec![frame],
        }
    }

    fn tick(&mut self, links: &[LinkId], context: &mut Context<'_>) -> Vec<(LinkId, Frame)> {
        if !std::mem::replace(&mut self.is_told, true) {
            log::debug!(target: "tussock::sim", "node {} misleads about blocks: {:?}", context.node, self.manner);
        }
        let Some((tip, _)) = context.tip().filter(|_| !links.is_empty() && context.rng.chance(300_000)) else {
            return Vec::new();
        };
        let to_all = |message: Message| links.iter().map(|link| (*link, Frame::new(&message))).collect();
        match self.manner {
            Manner::WrongIds => Vec::new(),
            Manner::WrongTransactions if context.rng.chance(900_000) => Vec::new(),
            Manner::WrongTransactions => to_all(Message::BlockTransactions(tip.hash, List::EMPTY)),
            Manner::Ghosts => match ghost(context) {
                Some(header) => to_all(Message::BlockHeader(Box::new(header))),
                None => Vec::new(),
            },
            Manner::Questions => {
                let question = Frame::new(&Message::GetBlockTransactions(tip.hash, List::truncated([0])));
                links.iter().flat_map(|link| (0..QUESTIONS).map(|_| (*link, question.clone()))).collect()
            }
        }
    }
}
