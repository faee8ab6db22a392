//! Blocks that peers told of and whose bodies are not here, each with the peers that told of it and the question that is open.
//! Nothing outside this role waits for them: if no answer comes, `headers` hears of the tellers as after a ping.

use std::{collections::VecDeque, time::Duration};

use crate::{
    base::{
        hash::Hash,
        ids::LinkId,
        limits::{ANNOUNCED_GIVEN_UP, ANSWER_HEDGE, ANSWER_PATIENCE, BLOCK_HEDGE, MAX_ANNOUNCED, MAX_TELLERS},
        time::Time,
    },
    chain::header::Header,
    node::fetch::{
        questions::{Standing, What},
        rebuild::Rebuild,
    },
    wire::compact::CompactBlock,
};

/// The question that was asked last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    pub(super) link: LinkId,
    pub(super) what: What,
    pub(super) sent: Time,
}

/// Compact blocks of one block that wait for transactions.
const MAX_REBUILDS: usize = 2;

/// A peer that told of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Teller {
    pub(super) link: LinkId,
    /// Nothing more is to be asked of it.
    pub(super) is_done: bool,
}

/// A block that peers told of.
#[derive(Debug)]
pub(super) struct Announced {
    pub(super) hash: Hash,
    pub(super) height: u32,
    /// `headers` has found the header valid.
    pub(super) is_judged: bool,
    /// What came before the header was judged, and from whom.
    pub(super) compact: Option<(LinkId, Box<CompactBlock>)>,
    /// Oldest first.
    pub(super) tellers: Vec<Teller>,
    pub(super) question: Option<Question>,
    /// What lacks transactions, and the peer that was asked for them. Late answers count.
    rebuilds: Vec<(LinkId, Box<Rebuild>)>,
    /// A compact block did not fit the header. Further tellers are asked at once.
    pub(super) is_doubtful: bool,
    since: Time,
}

/// All of them, oldest first.
#[derive(Debug, Default)]
pub(super) struct AnnouncedBlocks {
    list: VecDeque<Announced>,
    /// The last ones that were asked for whole, though no window has them.
    whole: VecDeque<Hash>,
}

impl Announced {
    /// A block that nobody has told of before.
    pub(super) fn new(now: Time, hash: Hash, header: &Header) -> Self {
        let (tellers, rebuilds) = Default::default();
        let (is_judged, is_doubtful) = (false, false);
        let (height, compact, question) = (header.height, None, None);
        Self { hash, height, is_judged, compact, tellers, question, rebuilds, is_doubtful, since: now }
    }

    /// Notes who tells of it. If those are too many, a worse one makes room.
    pub(super) fn told_by(&mut self, link: LinkId, standing: impl Fn(LinkId) -> Standing) {
        if self.tellers.iter().any(|teller| teller.link == link) {
            return;
        }
        if self.tellers.len() >= MAX_TELLERS {
            let of = |at: &usize| standing(self.tellers[*at].link);
            let Some(worst) = (0..self.tellers.len()).max_by_key(of).filter(|at| of(at) > standing(link)) else {
                return;
            };
            self.tellers.remove(worst);
        }
        self.tellers.push(Teller { link, is_done: false });
    }

    /// Asks a teller for nothing more.
    pub(super) fn is_done_with(&mut self, link: LinkId) {
        self.tellers.iter_mut().filter(|teller| teller.link == link).for_each(|teller| teller.is_done = true);
    }

    /// When the next teller is asked, or all is given up.
    pub(super) fn due(&self) -> Option<Time> {
        let question = self.question.as_ref()?;
        let has_other = self.tellers.iter().any(|teller| !teller.is_done);
        let patience: Duration = match question.what {
            What::Block => BLOCK_HEDGE,
            _ if has_other => ANSWER_HEDGE,
            _ => ANSWER_PATIENCE,
        };
        Some(question.sent + patience)
    }

    /// Waits for the transactions that a peer was asked for.
    pub(super) fn await_transactions(&mut self, link: LinkId, rebuild: Rebuild) {
        if self.rebuilds.len() >= MAX_REBUILDS {
            self.rebuilds.remove(0);
        }
        self.rebuilds.push((link, Box::new(rebuild)));
    }

    /// What waits for the transactions of this peer.
    pub(super) fn take_rebuild(&mut self, link: LinkId) -> Option<Box<Rebuild>> {
        let at = self.rebuilds.iter().position(|(asked, _)| *asked == link)?;
        Some(self.rebuilds.remove(at).1)
    }

    /// The link is gone. True if it owed the answer that is waited for.
    pub(super) fn lose(&mut self, link: LinkId) -> bool {
        self.tellers.retain(|teller| teller.link != link);
        self.rebuilds.retain(|(asked, _)| *asked != link);
        self.compact.take_if(|(from, _)| *from == link);
        self.question.take_if(|question| question.link == link).is_some()
    }

    /// The next peer to ask, and marks it as asked: the best, and of these the one that told of the block first.
    pub(super) fn next_teller(
        &mut self,
        may_ask: impl Fn(LinkId) -> bool,
        standing: impl Fn(LinkId) -> Standing,
    ) -> Option<LinkId> {
        let left = self.tellers.iter_mut().filter(|teller| !teller.is_done && may_ask(teller.link));
        let teller = left.min_by_key(|teller| standing(teller.link))?;
        teller.is_done = true;
        Some(teller.link)
    }

    /// Whether further tellers are no longer asked one by one.
    pub(super) fn is_old(&self, now: Time) -> bool {
        self.since + ANNOUNCED_GIVEN_UP <= now
    }
}

impl AnnouncedBlocks {
    fn position(&self, hash: &Hash) -> Option<usize> {
        self.list.iter().position(|block| block.hash == *hash)
    }

    pub(super) fn get_mut(&mut self, hash: &Hash) -> Option<&mut Announced> {
        self.list.iter_mut().find(|block| block.hash == *hash)
    }

    /// Adds one. If there are too many, the oldest of the peer that told of the most goes.
    pub(super) fn insert(&mut self, block: Announced) {
        let first = |block: &Announced| block.tellers.first().map(|teller| teller.link);
        if self.list.len() >= MAX_ANNOUNCED {
            let share = |at: usize| self.list.iter().filter(|other| first(other) == first(&self.list[at])).count();
            let goes = (0..self.list.len()).rev().max_by_key(|at| share(*at));
            goes.and_then(|at| self.list.remove(at));
        }
        self.list.push_back(block);
    }

    pub(super) fn remove(&mut self, hash: &Hash) -> Option<Announced> {
        self.position(hash).and_then(|at| self.list.remove(at))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Announced> {
        self.list.iter_mut()
    }

    /// Notes that the whole block is asked for.
    pub(super) fn note_whole(&mut self, hash: Hash) {
        if self.whole.len() >= MAX_ANNOUNCED {
            self.whole.pop_front();
        }
        self.whole.push_back(hash);
    }

    /// Whether it may have been.
    pub(super) fn was_asked_whole(&self, hash: &Hash) -> bool {
        self.whole.contains(hash)
    }

    /// Those whose time is over.
    pub(super) fn overdue(&self, now: Time) -> Vec<Hash> {
        self.list.iter().filter(|block| block.due().is_some_and(|due| due <= now)).map(|block| block.hash).collect()
    }

    /// When the first time is over.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.list.iter().filter_map(Announced::due).min()
    }

    /// Those that are asked for, and until when.
    pub(super) fn awaited(&self) -> impl Iterator<Item = (Hash, Time)> + '_ {
        self.list.iter().filter_map(|block| Some((block.hash, block.due()?)))
    }
}
