//! Which pieces of a snapshot are here, which are asked for, and who sent what.
//!
//! A bucket is proven or refused as a whole. If it is wrong and all its pieces are of one peer, that peer has lied. If they
//! are of several, nobody can tell who has: the bucket is fetched again from one peer at a time. Once it is right, whoever
//! sent another piece before has lied, too.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::{
    base::{hash::Hash, ids::LinkId},
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
        let mut plan = Self { id: manifest.id(), manifest, pieces, buckets, unchecked, lowest: 0 };
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

    /// The next piece to ask this peer for.
    pub(super) fn next_for(&self, link: LinkId) -> Option<u32> {
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

    /// Chooses whom to ask alone, among these, where nobody is. The others of a bucket's suspects come first: whoever had
    /// no part in it may be another liar, but each of them is found out by one bucket.
    pub(super) fn assign_alone(&mut self, links: &[LinkId]) {
        for alone in self.buckets.iter_mut().filter_map(|bucket| bucket.alone.as_mut()) {
            if alone.link.is_none() && !links.is_empty() {
                let untried = links.iter().find(|link| !alone.tried.contains(link));
                if untried.is_none() {
                    alone.tried.clear();
                }
                alone.link = untried.or(links.first()).copied();
            }
        }
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
