//! Which pieces of a snapshot are here, which are asked for, and who sent what.
//!
//! A bucket is proven or refused as a whole. If it is wrong and all its pieces are of one peer, that peer has lied. If they
//! are of several, nobody can tell who has: the bucket is fetched again from one peer at a time. Once it is right, whoever
//! sent another piece before has lied, too.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use crate::{
    base::{
        hash::Hash,
        ids::LinkId,
        limits::{PIECE_HEDGE, PIECE_STALL},
    },
    chain::snapshot::{BUCKETS, CheckedBucket, Manifest, SnapshotFault, Staged},
};

/// How many pieces beyond the first that is missing are asked for: more than are ever under way, even if one peer is slow.
const AHEAD: u32 = 1024;

/// Where one piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Wanted,
    Asked,
    Here,
}

/// One of the 64 buckets.
#[derive(Debug, Default)]
struct Bucket {
    /// Pieces that are not here.
    missing: u32,
    /// Its coins add up to its leaf: their amounts.
    right: Option<u128>,
    /// Who sent the pieces that are here, and the hash of each; those of an earlier run are of nobody.
    sources: BTreeMap<u32, (LinkId, Hash)>,
    /// It was wrong, and is fetched from one peer at a time.
    alone: Option<Alone>,
}

#[derive(Debug, Default)]
struct Alone {
    /// The peer.
    link: Option<LinkId>,
    /// Peers that were asked alone and did not deliver.
    tried: BTreeSet<LinkId>,
    /// How often all had been tried.
    rounds: u32,
    /// Who sent what when it was wrong.
    suspects: Vec<(u32, LinkId, Hash)>,
}

/// A snapshot that is being fetched.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) manifest: Manifest,
    /// [`Manifest::id`].
    pub(super) id: Hash,
    pieces: Vec<Place>,
    buckets: Vec<Bucket>,
    /// Buckets whose pieces are all here.
    unchecked: VecDeque<usize>,
    /// All pieces below this one are here.
    lowest: u32,
    /// Buckets that other manifests of the block cut in another way. They come first.
    contested: BTreeSet<usize>,
    /// How many pieces of right buckets each peer has sent.
    proven: BTreeMap<LinkId, u32>,
}

/// What became of a bucket.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is right. These sent other pieces of it.
    Right(BTreeSet<LinkId>),
    /// It is wrong, and must be dropped. This peer sent all of it.
    Wrong(Option<LinkId>),
}

impl Plan {
    /// What is left to do of a snapshot.
    pub(super) fn new(staged: Staged) -> Self {
        let Staged { manifest, here } = staged;
        let pieces: Vec<Place> = (0..manifest.pieces() as usize)
            .map(|at| if here.get(at) == Some(&true) { Place::Here } else { Place::Wanted })
            .collect();
        let missing = |bucket| {
            let range = manifest.pieces_of(bucket);
            range.filter(|number| pieces.get(*number as usize) != Some(&Place::Here)).count()
        };
        let buckets: Vec<Bucket> = (0..BUCKETS)
            .map(|bucket| Bucket { missing: u32::try_from(missing(bucket)).unwrap_or(u32::MAX), ..Bucket::default() })
            .collect();
        let unchecked = (0..BUCKETS).filter(|bucket| buckets[*bucket].missing == 0).collect();
        let mut plan = Self {
            id: manifest.id(),
            manifest,
            pieces,
            buckets,
            unchecked,
            lowest: 0,
            contested: BTreeSet::new(),
            proven: BTreeMap::new(),
        };
        plan.raise_lowest();
        plan
    }

    /// Pieces that are here, and all.
    pub(super) fn progress(&self) -> (u32, u32) {
        let missing: u32 = self.buckets.iter().map(|bucket| bucket.missing).sum();
        (self.manifest.pieces() - missing, self.manifest.pieces())
    }

    /// Whether a piece is asked for or wanted.
    pub(super) fn lacks_pieces(&self) -> bool {
        self.lowest < self.manifest.pieces()
    }

    /// All amounts together, once each bucket is right.
    pub(super) fn amount(&self) -> Option<u128> {
        self.buckets.iter().try_fold(0u128, |sum, bucket| sum.checked_add(bucket.right?))
    }

    /// Bytes of the pieces that are not here.
    pub(super) fn missing_bytes(&self) -> u64 {
        let lacks = |number: &u32| self.pieces.get(*number as usize) != Some(&Place::Here);
        let lengths = (0..self.manifest.pieces()).filter(lacks).filter_map(|number| self.manifest.length_of(number));
        lengths.map(|length| length as u64).sum()
    }

    /// Whether a bucket is right.
    pub(super) fn is_right(&self, bucket: usize) -> bool {
        self.buckets.get(bucket).is_some_and(|bucket| bucket.right.is_some())
    }

    /// How many buckets are right.
    pub(super) fn right_buckets(&self) -> usize {
        self.buckets.iter().filter(|bucket| bucket.right.is_some()).count()
    }

    /// Whether any bucket is right.
    pub(super) fn is_proven_anywhere(&self) -> bool {
        self.right_buckets() > 0
    }

    /// These buckets are to be proven before all others, each by one peer alone.
    pub(super) fn contest(&mut self, buckets: Vec<usize>) {
        for at in &buckets {
            if let Some(bucket) = self.buckets.get_mut(*at)
                && bucket.missing > 0
                && bucket.alone.is_none()
                && bucket.sources.is_empty()
            {
                bucket.alone = Some(Alone::default());
                // What others than that one peer were asked for is not taken from them: it must be asked for again.
                self.manifest.pieces_of(*at).for_each(|number| self.wanted_again(number));
            }
        }
        self.contested = buckets.into_iter().collect();
    }

    /// Whether a bucket is one of those.
    pub(super) fn contests(&self, bucket: usize) -> bool {
        self.contested.contains(&bucket)
    }

    /// Whether other manifests differ where nothing is proven.
    pub(super) fn is_contested(&self) -> bool {
        !self.contested.is_empty()
    }

    /// Whether each peer that could send the first of those was asked for it.
    pub(super) fn has_asked_all(&self) -> bool {
        let first = self.contested.first().and_then(|at| self.buckets.get(*at));
        first.and_then(|bucket| bucket.alone.as_ref()).is_none_or(|alone| alone.rounds > 0)
    }

    /// The next piece to ask this peer for.
    pub(super) fn next_for(&self, link: LinkId) -> Option<u32> {
        if let Some(first) = self.contested.first() {
            let mut pieces = self.manifest.pieces_of(*first);
            return pieces.find(|number| self.is_wanted(*number) && self.may_send(*number, link));
        }
        let end = self.lowest.saturating_add(AHEAD).min(self.manifest.pieces());
        (self.lowest..end).find(|number| self.is_wanted(*number) && self.may_send(*number, link))
    }

    fn is_wanted(&self, number: u32) -> bool {
        self.pieces.get(number as usize) == Some(&Place::Wanted)
    }

    /// Whether this peer may send the piece: all may, unless its bucket is fetched from one alone.
    fn may_send(&self, number: u32, link: LinkId) -> bool {
        let bucket = self.manifest.bucket_of(number).and_then(|bucket| self.buckets.get(bucket));
        bucket.is_some_and(|bucket| bucket.alone.as_ref().is_none_or(|alone| alone.link == Some(link)))
    }

    /// A peer is asked for it.
    pub(super) fn asked(&mut self, number: u32) {
        self.set(number, Place::Wanted, Place::Asked);
    }

    /// That was in vain.
    pub(super) fn wanted_again(&mut self, number: u32) {
        self.set(number, Place::Asked, Place::Wanted);
    }

    fn set(&mut self, number: u32, from: Place, to: Place) {
        self.pieces.get_mut(number as usize).into_iter().filter(|place| **place == from).for_each(|place| *place = to);
    }

    /// Whether a piece of this peer is still of use.
    pub(super) fn takes(&self, number: u32, link: LinkId) -> bool {
        self.pieces.get(number as usize).is_some_and(|place| *place != Place::Here) && self.may_send(number, link)
    }

    /// The piece is here.
    pub(super) fn arrived(&mut self, number: u32, link: LinkId, hash: Hash) {
        let Some(at) = self.manifest.bucket_of(number) else { return };
        let (Some(bucket), Some(place)) = (self.buckets.get_mut(at), self.pieces.get_mut(number as usize)) else {
            return;
        };
        if std::mem::replace(place, Place::Here) == Place::Here {
            return;
        }
        bucket.sources.insert(number, (link, hash));
        bucket.missing -= 1;
        if bucket.missing == 0 {
            self.unchecked.push_back(at);
        }
        self.raise_lowest();
    }

    fn raise_lowest(&mut self) {
        while self.pieces.get(self.lowest as usize) == Some(&Place::Here) {
            self.lowest += 1;
        }
    }

    /// Whether a bucket waits for its check.
    pub(super) fn has_unchecked(&self) -> bool {
        !self.unchecked.is_empty()
    }

    /// A bucket to be checked.
    pub(super) fn take_unchecked(&mut self) -> Option<usize> {
        self.unchecked.pop_front()
    }

    /// A bucket was checked.
    pub(super) fn judge(&mut self, at: usize, result: &Result<CheckedBucket, SnapshotFault>) -> Verdict {
        let Some(bucket) = self.buckets.get_mut(at) else { return Verdict::Wrong(None) };
        let sources = std::mem::take(&mut bucket.sources);
        if let Ok(checked) = result {
            bucket.right = Some(checked.amount);
            sources.values().for_each(|(link, _)| *self.proven.entry(*link).or_default() += 1);
            let suspects = bucket.alone.take().map(|alone| alone.suspects).unwrap_or_default();
            let differs = |number: &u32, hash: &Hash| sources.get(number).is_some_and(|(_, right)| right != hash);
            let liars = suspects.iter().filter(|(number, _, hash)| differs(number, hash)).map(|(_, link, _)| *link);
            return Verdict::Right(liars.collect());
        }
        let senders: BTreeSet<LinkId> = sources.values().map(|(link, _)| *link).collect();
        let all = self.manifest.pieces_of(at).len();
        let culprit = senders.first().copied().filter(|_| senders.len() == 1 && sources.len() == all);
        match (&mut bucket.alone, culprit) {
            (Some(alone), _) => alone.link = None,
            // What was here before a restart may be damaged.
            (None, None) if sources.is_empty() => {}
            // Somebody of them lied.
            (None, None) => {
                let suspects = sources.into_iter().map(|(number, (link, hash))| (number, link, hash)).collect();
                bucket.alone = Some(Alone { suspects, ..Alone::default() });
            }
            (None, Some(_)) => {}
        }
        self.drop_bucket(at);
        Verdict::Wrong(culprit)
    }

    /// None of the bucket's pieces is here any more.
    pub(super) fn drop_bucket(&mut self, at: usize) {
        let range = self.manifest.pieces_of(at);
        let places = range.start as usize..range.end as usize;
        self.pieces.get_mut(places).into_iter().flatten().for_each(|place| *place = Place::Wanted);
        self.lowest = self.lowest.min(range.start);
        if let Some(bucket) = self.buckets.get_mut(at) {
            bucket.missing = u32::try_from(range.len()).unwrap_or(u32::MAX);
            bucket.right = None;
            bucket.sources.clear();
        }
    }

    /// Chooses whom to ask alone, among these, where nobody is: whoever had no part in the wrong bucket, sent the most that is right, and
    /// has the least of others to send. Another liar may be chosen, but each is found out by one bucket.
    pub(super) fn assign_alone(&mut self, links: &[LinkId]) {
        let chosen = self.buckets.iter().filter_map(|bucket| bucket.alone.as_ref()?.link);
        let mut load: BTreeMap<LinkId, u32> = BTreeMap::new();
        chosen.for_each(|link| *load.entry(link).or_default() += 1);
        let of = |counts: &BTreeMap<LinkId, u32>, link: &LinkId| counts.get(link).copied().unwrap_or(0);
        for alone in self.buckets.iter_mut().filter_map(|bucket| bucket.alone.as_mut()) {
            if alone.link.is_some() || links.is_empty() {
                continue;
            }
            if links.iter().all(|link| alone.tried.contains(link)) {
                alone.tried.clear();
                alone.rounds += 1;
            }
            let is_suspect = |link: &LinkId| alone.suspects.iter().any(|(_, suspect, _)| suspect == link);
            let untried = links.iter().filter(|link| !alone.tried.contains(link));
            let rank = |link: &&LinkId| (is_suspect(link), of(&load, link), Reverse(of(&self.proven, link)), **link);
            alone.link = untried.min_by_key(rank).copied();
            alone.link.iter().for_each(|link| *load.entry(*link).or_default() += 1);
        }
    }

    /// How long one piece that was asked of a peer alone is waited for: longer each time all have been tried, as lines may be slow.
    pub(super) fn patience_alone(&self, number: u32) -> Option<Duration> {
        let bucket = self.manifest.bucket_of(number).and_then(|bucket| self.buckets.get(bucket))?;
        let rounds = bucket.alone.as_ref()?.rounds;
        Some((PIECE_HEDGE * 2u32.saturating_pow(rounds.min(8))).min(PIECE_STALL))
    }

    /// How many pieces of right buckets a peer has sent.
    pub(super) fn proven_by(&self, link: LinkId) -> u32 {
        self.proven.get(&link).copied().unwrap_or(0)
    }

    /// A peer is gone or slow: buckets that it was to send alone are asked of another one. Returns these buckets, of which no
    /// piece is here any more.
    pub(super) fn give_up_alone(&mut self, link: LinkId) -> Vec<usize> {
        let is_its = |bucket: &Bucket| bucket.alone.as_ref().is_some_and(|alone| alone.link == Some(link));
        let given_up: Vec<usize> = (0..self.buckets.len()).filter(|at| is_its(&self.buckets[*at])).collect();
        for at in &given_up {
            if let Some(alone) = self.buckets.get_mut(*at).and_then(|bucket| bucket.alone.as_mut()) {
                alone.link = None;
                alone.tried.insert(link);
            }
            self.drop_bucket(*at);
            self.unchecked.retain(|unchecked| unchecked != at);
        }
        given_up
    }
}
