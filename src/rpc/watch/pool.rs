//! What came into the mempool and left it while this node has run, each with a number.
//!
//! It is filled only when somebody watches, from the ledger's own list. What comes and goes between two looks is not noticed.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::cursor::PoolMark;
use crate::{
    base::{gather::gather, hash::Hash, time::Time},
    chain::{block::HashedTransaction, transaction::OutPoint},
    node::command::PoolEntry,
};

/// Bytes of transactions that left and are remembered; the oldest are forgotten first.
const GONE_BYTES: usize = 1024 * 1024;

/// The time between two looks at the mempool: at least this, and this many times what a look took, so that watchers take a tenth
/// of the ledger's time however large the mempool is.
const LEAST_REST: Duration = Duration::from_millis(100);
const REST: u32 = 10;
/// When somebody looks again who waits for the answer to another one's question.
const LOOK: Duration = Duration::from_millis(20);

/// The list.
pub struct PoolLog(Mutex<Inner>);

/// What happened to a transaction.
#[derive(Clone, Debug, PartialEq)]
pub enum Moved {
    /// It waits since this time, unix seconds.
    Came(u64),
    /// It waits no longer; what then waited and spends a coin of it.
    Left(Option<Hash>),
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolEvent {
    /// Its number.
    pub number: u64,
    /// What happened.
    pub moved: Moved,
    /// To which transaction.
    pub transaction: Arc<HashedTransaction>,
}

struct Inner {
    /// Tells the numbers of this run from those of others.
    run: u64,
    last: u64,
    /// The change of the mempool that the list has taken in.
    noted: Option<u64>,
    /// Whether somebody is asking for the mempool.
    is_asked: bool,
    /// When the next one may.
    not_before: Time,
    waiting: BTreeMap<u64, (Arc<HashedTransaction>, u64)>,
    numbers: BTreeMap<Hash, u64>,
    gone: VecDeque<Gone>,
    gone_bytes: usize,
}

struct Gone {
    number: u64,
    transaction: Arc<HashedTransaction>,
    rival: Option<Hash>,
}

impl PoolLog {
    /// An empty list; `run` is a number that no other run of this node has.
    pub fn new(run: u64) -> Self {
        Self(Mutex::new(Inner {
            run,
            last: 0,
            noted: None,
            is_asked: false,
            not_before: Time(0),
            waiting: BTreeMap::new(),
            numbers: BTreeMap::new(),
            gone: VecDeque::new(),
            gone_bytes: 0,
        }))
    }

    /// Whether it knows the mempool as it was after this change.
    pub fn is_noted(&self, change: u64) -> bool {
        self.lock().noted == Some(change)
    }

    /// Whether the caller is to ask for the mempool; otherwise, when it looks again. One asks for all, and rests.
    pub fn may_ask(&self, now: Time) -> Result<(), Time> {
        let mut inner = self.lock();
        if inner.is_asked || now < inner.not_before {
            return Err(inner.not_before.max(now + LOOK));
        }
        inner.is_asked = true;
        Ok(())
    }

    /// The one who asked since `began` has the answer, or does not wait for it any more.
    pub fn end_ask(&self, began: Time, now: Time) {
        let mut inner = self.lock();
        inner.is_asked = false;
        inner.not_before = now + (now.since(began) * REST).max(LEAST_REST);
    }

    /// Takes in the whole mempool, as it was at this change or later.
    pub fn note(&self, change: u64, entries: Vec<PoolEntry>) {
        let mut inner = self.lock();
        inner.noted = Some(change);
        let present: BTreeMap<Hash, PoolEntry> =
            entries.into_iter().map(|entry| (entry.transaction.txid, entry)).collect();
        let left: Vec<u64> =
            inner.numbers.iter().filter(|(txid, _)| !present.contains_key(*txid)).map(|(_, number)| *number).collect();
        let spenders = if left.is_empty() { BTreeMap::new() } else { spenders(&present) };
        for number in left {
            inner.leave(number, &spenders);
        }
        let mut new: Vec<PoolEntry> =
            present.into_values().filter(|entry| !inner.numbers.contains_key(&entry.transaction.txid)).collect();
        new.sort_by_key(|entry| (entry.since, entry.transaction.txid));
        for entry in new {
            inner.last += 1;
            let last = inner.last;
            inner.numbers.insert(entry.transaction.txid, last);
            inner.waiting.insert(last, (entry.transaction, entry.since));
        }
    }

    /// What happened after a mark, in order. A mark of another run knows nothing of this one.
    pub fn after(&self, mark: PoolMark) -> Vec<PoolEvent> {
        let inner = self.lock();
        // A mark of another run knows nothing of this one, nor does one with a number that was never given.
        let is_known = mark.run == inner.run && mark.number <= inner.last;
        let after = if is_known { mark.number } else { 0 };
        let came = inner.waiting.range(after.saturating_add(1)..).map(|(number, (transaction, since))| PoolEvent {
            number: *number,
            moved: Moved::Came(*since),
            transaction: Arc::clone(transaction),
        });
        // Who was never told that something came need not hear that it left.
        let left = inner.gone.iter().filter(|gone| is_known && gone.number > after);
        let left = left.map(|gone| PoolEvent {
            number: gone.number,
            moved: Moved::Left(gone.rival),
            transaction: Arc::clone(&gone.transaction),
        });
        let mut all: Vec<PoolEvent> = came.chain(left).collect();
        all.sort_by_key(|event| event.number);
        all
    }

    /// The mark with this number.
    pub fn mark(&self, number: u64) -> PoolMark {
        PoolMark { run: self.lock().run, number }
    }

    /// The mark up to which everything is told.
    pub fn end(&self) -> PoolMark {
        let inner = self.lock();
        PoolMark { run: inner.run, number: inner.last }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn leave(&mut self, number: u64, spenders: &BTreeMap<OutPoint, Hash>) {
        let Some((transaction, _)) = self.waiting.remove(&number) else { return };
        self.numbers.remove(&transaction.txid);
        self.last += 1;
        self.gone_bytes += transaction.size;
        let rival = transaction.transaction.inputs.iter().find_map(|input| spenders.get(&input.outpoint).copied());
        self.gone.push_back(Gone { number: self.last, transaction, rival });
        while self.gone_bytes > GONE_BYTES {
            let Some(oldest) = self.gone.pop_front() else { return };
            self.gone_bytes = self.gone_bytes.saturating_sub(oldest.transaction.size);
        }
    }
}

/// Which of these transactions spends which coin.
fn spenders(entries: &BTreeMap<Hash, PoolEntry>) -> BTreeMap<OutPoint, Hash> {
    let inputs = entries
        .iter()
        .flat_map(|(txid, entry)| entry.transaction.transaction.inputs.iter().map(|input| (input.outpoint, *txid)));
    gather(inputs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::{key::SecretKey, spec::ChainSpec, testkit::BlockMaker};

    fn entries(count: u32) -> Vec<PoolEntry> {
        let mut maker = BlockMaker::new(Arc::new(ChainSpec::dev()));
        let to = SecretKey::well_known(1).address();
        let payment = |at: u32| {
            let one = maker.transfer(&SecretKey::well_known(at), to, 1, 1);
            PoolEntry { transaction: Arc::new(HashedTransaction::new(one)), fee: 1, since: 100 + u64::from(at) }
        };
        (0..count).map(payment).collect()
    }

    fn told(log: &PoolLog, mark: PoolMark) -> Vec<(u64, Moved)> {
        log.after(mark).into_iter().map(|event| (event.number, event.moved)).collect()
    }

    #[test]
    fn what_came_and_left_is_told_once_to_each_mark() {
        let (log, all) = (PoolLog::new(7), entries(3));
        assert!(!log.is_noted(0));
        log.note(1, all[..2].to_vec());
        let start = PoolMark { run: 7, number: 0 };
        assert!(log.is_noted(1) && !log.is_noted(2));
        assert_eq!(told(&log, start), [(1, Moved::Came(100)), (2, Moved::Came(101))]);
        assert_eq!(told(&log, log.end()), []);
        let before = log.end();
        log.note(2, all[1..].to_vec());
        assert_eq!(told(&log, before), [(3, Moved::Left(None)), (4, Moved::Came(102))]);
        log.note(2, all[1..].to_vec());
        assert_eq!(told(&log, log.mark(3)), [(4, Moved::Came(102))]);
    }

    #[test]
    fn one_asks_for_all_and_the_next_one_after_a_rest() {
        let (log, at) = (PoolLog::new(7), |ms: u64| Time(ms * 1000));
        assert_eq!(log.may_ask(at(5)), Ok(()));
        assert_eq!(log.may_ask(at(6)), Err(at(26)));
        log.end_ask(at(5), at(25));
        assert_eq!((log.may_ask(at(25)), log.may_ask(at(224))), (Err(at(225)), Err(at(244))));
        assert_eq!(log.may_ask(at(225)), Ok(()));
        log.end_ask(at(225), at(226));
        assert_eq!(log.may_ask(at(326)), Ok(()));
    }

    #[test]
    fn a_mark_of_another_run_is_told_what_waits_now() {
        let (log, all) = (PoolLog::new(7), entries(2));
        log.note(1, all.clone());
        log.note(2, all[1..].to_vec());
        assert_eq!(told(&log, PoolMark { run: 6, number: 99 }), [(2, Moved::Came(101))]);
        assert_eq!(told(&log, PoolMark { run: 7, number: u64::MAX }), [(2, Moved::Came(101))], "it was changed");
    }
}
