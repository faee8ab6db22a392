//! The header index: a window of the header tree in memory, the archive behind it, and the best chain by work.
//!
//! What is in memory: every header above the committed tip (the archive does not show it yet), some below, and fork
//! headers until the archive shows them. Below `base` the best chain is the applied chain.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::{
    base::{
        gather::gather,
        hash::Hash,
        limits::{
            FORK_HEADER_INTERVAL, HEADERS_BEHIND, HEADERS_IN_MEMORY, MAX_FORK_HEADERS, MAX_INVALID_KNOWN,
            MEDIAN_TIME_BLOCKS,
        },
        time::Time,
    },
    chain::{
        archive::{BlockStatus, HeaderArchive, HeaderRow, StoreError, Tip},
        target::Work,
    },
    node::{
        headers::header_node::{Change, HeaderLookup, HeaderNode},
        recent::Recent,
    },
};

/// How many fork headers one pruning looks up in the archive, so that a commit's notice costs a bounded time.
const FORK_PRUNE_STEPS: usize = 64;

/// The header tree: a window in memory, the archive behind it.
pub(super) struct Index {
    archive: Box<dyn HeaderArchive>,
    pub(super) nodes: BTreeMap<Hash, HeaderNode>,
    /// The best chain from height `base` up; never empty.
    chain: VecDeque<Hash>,
    base: u32,
    /// Those in memory that are not on the best chain.
    pub(super) fork_headers: BTreeSet<(u32, Hash)>,
    /// Headers off the best chain, in memory or stored, less those whose room has come back since `fork_since`.
    pub(super) fork_count: usize,
    fork_since: Time,
    pub(super) invalid: Recent,
    pub(super) best: HeaderNode,
    pub(super) applied: (Hash, HeaderNode),
    /// A block that was notarised again, and what it counts as: see [`Index::lift`].
    pub(super) lifted: Option<(Hash, Work)>,
}

impl Index {
    /// Reads the best stored header and the way from it down to the applied chain.
    pub(super) fn load(archive: Box<dyn HeaderArchive>) -> Result<Self, StoreError> {
        let mut row = archive.best_header()?;
        let best = HeaderNode::of(&row);
        let mut nodes = BTreeMap::from([(row.hash, best)]);
        let mut chain = VecDeque::from([row.hash]);
        while row.status != BlockStatus::Applied {
            let parent = archive.header(&row.header.previous)?;
            row = parent.ok_or_else(|| StoreError::Corrupt(format!("header {} has no parent", row.hash)))?;
            nodes.insert(row.hash, HeaderNode::of(&row));
            chain.push_front(row.hash);
        }
        let fork_count = archive.fork_headers()?.saturating_sub(chain.len() - 1);
        let applied = (row.hash, HeaderNode::of(&row));
        let mut index = Self {
            base: row.header.height,
            archive,
            nodes,
            chain,
            fork_headers: BTreeSet::new(),
            fork_count,
            fork_since: Time(0),
            invalid: Recent::new(MAX_INVALID_KNOWN),
            best,
            applied,
            lifted: None,
        };
        if index.leaves_too_deep(row.header.height)? {
            index.leave_best()?;
        }
        Ok(index)
    }

    /// Gives the archive back.
    pub(super) fn into_archive(self) -> Box<dyn HeaderArchive> {
        self.archive
    }

    /// The archive, for what concerns the applied chain only.
    pub(super) fn archive(&self) -> &dyn HeaderArchive {
        &*self.archive
    }

    pub(super) fn best_hash(&self) -> Hash {
        *self.chain.back().expect("the best chain is never empty")
    }

    pub(super) fn best(&self) -> HeaderNode {
        self.best
    }

    /// The committed tip.
    pub(super) fn applied(&self) -> HeaderNode {
        self.applied.1
    }

    /// Whether each header of the best chain is applied. An applied branch of equal work counts: it was seen first.
    pub(super) fn all_applied(&self) -> bool {
        self.best.rank <= self.applied.1.rank
    }

    pub(super) fn find(&self, hash: &Hash) -> Result<HeaderLookup, StoreError> {
        if let Some(node) = self.nodes.get(hash) {
            return Ok(HeaderLookup::Valid(*node));
        }
        if self.invalid.contains(hash) {
            return Ok(HeaderLookup::Invalid);
        }
        Ok(match self.archive.header(hash)? {
            None => HeaderLookup::Unknown,
            Some(row) if row.status == BlockStatus::Invalid => HeaderLookup::Invalid,
            Some(row) => HeaderLookup::Valid(self.node_of(&row)),
        })
    }

    /// The best chain's hash at a height.
    pub(super) fn hash_at(&self, height: u32) -> Result<Option<Hash>, StoreError> {
        match height.checked_sub(self.base) {
            Some(at) => Ok(self.chain.get(at as usize).copied()),
            None => Ok(self.archive.applied_at(height)?.map(|row| row.hash)),
        }
    }

    /// Whether the block is applied and committed.
    pub(super) fn is_applied(&self, hash: &Hash) -> Result<bool, StoreError> {
        Ok(self.archive.header(hash)?.is_some_and(|row| row.status == BlockStatus::Applied))
    }

    /// How many of these blocks are applied and committed, from the first on. Each is the child of the one before.
    pub(super) fn applied_among(&self, hashes: &[Hash]) -> Result<usize, StoreError> {
        let (mut low, mut high) = (0, hashes.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match hashes.get(middle) {
                Some(hash) if self.is_applied(hash)? => low = middle + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    /// How many of these blocks are here from the first on, applied or stored. Each is the child of the one before.
    pub(super) fn here_among(&self, hashes: &[Hash]) -> Result<usize, StoreError> {
        let mut here = self.applied_among(hashes)?;
        while let Some(hash) = hashes.get(here)
            && self.has_body(hash)?
        {
            here += 1;
        }
        Ok(here)
    }

    /// Whether the best chain contains this block.
    pub(super) fn is_on_best(&self, height: u32, hash: &Hash) -> Result<bool, StoreError> {
        Ok(self.hash_at(height)?.as_ref() == Some(hash))
    }

    /// The best chain above a height.
    pub(super) fn above(&self, height: u32) -> Vec<Hash> {
        let from = (height.saturating_add(1)).saturating_sub(self.base) as usize;
        self.chain.iter().skip(from).copied().collect()
    }

    /// The times of the block and of up to ten ancestors, the block's own last.
    pub(super) fn recent_times(&self, node: HeaderNode) -> Result<VecDeque<u64>, StoreError> {
        let mut times = VecDeque::with_capacity(MEDIAN_TIME_BLOCKS + 1);
        let mut node = node;
        loop {
            times.push_front(node.time);
            if times.len() == MEDIAN_TIME_BLOCKS || node.height == 0 {
                return Ok(times);
            }
            node = self.counted(&node.parent)?;
        }
    }

    /// Whether a branch of `count` headers that ends with less than the best work may still be stored.
    pub(super) fn has_fork_room(&mut self, now: Time, count: usize) -> bool {
        let back = now.since(self.fork_since).as_micros() / FORK_HEADER_INTERVAL.as_micros();
        if back > 0 {
            self.fork_count = self.fork_count.saturating_sub(usize::try_from(back).unwrap_or(usize::MAX));
            self.fork_since = now;
        }
        self.fork_count.saturating_add(count) <= MAX_FORK_HEADERS && self.nodes.len() <= 2 * HEADERS_IN_MEMORY
    }

    /// Takes validated headers, each the parent of the next. Returns the change if the best chain is now another. `aside`:
    /// they are withheld.
    pub(super) fn accept(&mut self, rows: &[HeaderRow], aside: bool) -> Result<Option<Change>, StoreError> {
        let Some((first, last)) = rows.first().zip(rows.last()) else { return Ok(None) };
        let withheld = aside || self.nodes.get(&first.header.previous).is_some_and(|parent| parent.withheld);
        let extends = first.header.previous == self.best_hash() && !withheld;
        for row in rows {
            self.nodes.insert(row.hash, HeaderNode { withheld, ..self.node_of(row) });
            if extends {
                self.chain.push_back(row.hash);
            } else {
                self.fork_headers.insert((row.header.height, row.hash));
                self.fork_count = self.fork_count.saturating_add(1);
            }
        }
        if extends {
            let above = self.best.height;
            self.best = self.node_of(last);
            return Ok(Some(Change { above, hashes: rows.iter().map(|row| row.hash).collect() }));
        }
        // Strictly more: the first seen wins ties.
        if !withheld && self.node_of(last).rank > self.best.rank { self.adopt(last.hash).map(Some) } else { Ok(None) }
    }

    /// The committed chain moved. Returns a change only if the ledger is ahead of what was known here.
    pub(super) fn applied_moved(&mut self, tip: &Tip) -> Result<Option<Change>, StoreError> {
        let HeaderLookup::Valid(node) = self.find(&tip.hash)? else {
            return Err(StoreError::Corrupt(format!("the header of the applied tip {} is missing", tip.hash)));
        };
        self.applied = (tip.hash, node);
        let change = if node.rank > self.best.rank { Some(self.adopt(tip.hash)?) } else { None };
        let left = self.leave_too_deep()?;
        self.prune()?;
        Ok(left.or(change))
    }

    /// Forgets invalid blocks and all that builds on them. Returns the change if the best chain lost any.
    pub(super) fn invalidate(&mut self, hashes: &[Hash]) -> Result<Option<Change>, StoreError> {
        let mut bad: BTreeSet<Hash> = gather(hashes.iter().copied());
        self.add_descendants(&mut bad);
        for hash in &bad {
            if let Some(node) = self.nodes.remove(hash) {
                self.fork_headers.remove(&(node.height, *hash));
            }
            self.invalid.insert(*hash);
        }
        if self.chain.iter().any(|hash| bad.contains(hash)) { self.choose_again().map(Some) } else { Ok(None) }
    }

    /// Sets a branch aside, from this block of the best chain on; nothing that the ledger applied is ever set aside.
    pub(super) fn withhold(&mut self, hash: &Hash) -> Result<Option<Change>, StoreError> {
        let Some(node) = self.nodes.get(hash).copied() else { return Ok(None) };
        if self.is_applied(hash)? || !self.is_on_best(node.height, hash)? {
            return Ok(None);
        }
        self.mark_withheld(hash, true);
        self.choose_again().map(Some)
    }

    /// Gives a branch that was set aside another chance.
    pub(super) fn release(&mut self, hash: &Hash) -> Result<Option<Change>, StoreError> {
        if !self.nodes.get(hash).is_some_and(|node| node.withheld) || self.is_too_deep(hash)? {
            return Ok(None);
        }
        self.mark_withheld(hash, false);
        let before = self.best_hash();
        let change = self.choose_again()?;
        Ok((self.best_hash() != before).then_some(change))
    }

    pub(super) fn mark_withheld(&mut self, hash: &Hash, withheld: bool) {
        let mut branch = BTreeSet::from([*hash]);
        self.add_descendants(&mut branch);
        for hash in &branch {
            if let Some(node) = self.nodes.get_mut(hash) {
                node.withheld = withheld;
            }
        }
    }

    /// Adds all descendants that are in memory.
    fn add_descendants(&self, blocks: &mut BTreeSet<Hash>) {
        let mut by_height: Vec<(u32, &Hash, &Hash)> =
            self.nodes.iter().map(|(hash, node)| (node.height, hash, &node.parent)).collect();
        by_height.sort_unstable_by_key(|(height, ..)| *height);
        for (_, hash, parent) in by_height {
            if blocks.contains(parent) {
                blocks.insert(*hash);
            }
        }
    }

    /// Looks for the most work among all that is in memory, the applied tip and the archive's best.
    pub(super) fn choose_again(&mut self) -> Result<Change, StoreError> {
        let (mut best, mut rank) = (self.applied.0, self.applied.1.rank);
        for (hash, node) in &self.nodes {
            if node.rank > rank && !node.withheld {
                (best, rank) = (*hash, node.rank);
            }
        }
        let stored = self.archive.best_header()?;
        if stored.work > rank && self.is_clean(&stored)? {
            best = stored.hash;
        }
        self.adopt(best)
    }

    /// Whether no ancestor is invalid or withheld, as far down as what is in memory or applied.
    fn is_clean(&self, row: &HeaderRow) -> Result<bool, StoreError> {
        let mut row = row.clone();
        for _ in 0..HEADERS_IN_MEMORY {
            if let Some(node) = self.nodes.get(&row.hash) {
                return Ok(!node.withheld);
            }
            match row.status {
                BlockStatus::Applied => return Ok(!self.leaves_too_deep(row.header.height)?),
                BlockStatus::Invalid => return Ok(false),
                BlockStatus::Header | BlockStatus::Stored if self.invalid.contains(&row.hash) => return Ok(false),
                BlockStatus::Header | BlockStatus::Stored => {}
            }
            let Some(parent) = self.archive.header(&row.header.previous)? else { return Ok(false) };
            row = parent;
        }
        Ok(false)
    }

    /// Makes `tip` the best header.
    pub(super) fn adopt(&mut self, tip: Hash) -> Result<Change, StoreError> {
        let mut node = self.counted(&tip)?;
        let best = node;
        let (mut hash, mut branch) = (tip, Vec::new());
        while !self.is_on_best(node.height, &hash)? {
            branch.push((hash, node));
            hash = node.parent;
            node = self.counted(&hash)?;
        }
        let (fork, fork_hash, fork_node) = (node.height, hash, node);
        branch.reverse();
        let keep = if fork < self.base { 0 } else { (fork - self.base) as usize + 1 };
        for dropped in self.chain.split_off(keep) {
            if let Some(node) = self.nodes.get(&dropped) {
                self.fork_headers.insert((node.height, dropped));
            }
            self.fork_count = self.fork_count.saturating_add(1);
        }
        if self.chain.is_empty() {
            self.base = fork;
            self.chain.push_back(fork_hash);
            self.nodes.insert(fork_hash, fork_node);
        }
        for (hash, node) in &branch {
            self.nodes.insert(*hash, *node);
            self.fork_headers.remove(&(node.height, *hash));
            self.fork_count = self.fork_count.saturating_sub(1);
            self.chain.push_back(*hash);
        }
        self.best = best;
        Ok(Change { above: fork, hashes: branch.into_iter().map(|(hash, _)| hash).collect() })
    }

    /// Forgets what the archive can give back.
    fn prune(&mut self) -> Result<(), StoreError> {
        let (tip, HeaderNode { height, .. }) = self.applied;
        let floor = height.saturating_sub(HEADERS_BEHIND);
        // Below the fork of best and applied chain everything is applied and committed.
        if self.is_on_best(height, &tip)? {
            while self.base < floor && self.chain.len() > 1 {
                if let Some(hash) = self.chain.pop_front() {
                    self.nodes.remove(&hash);
                }
                self.base += 1;
            }
        }
        let full = self.nodes.len() > HEADERS_IN_MEMORY;
        let old: Vec<(u32, Hash)> = self
            .fork_headers
            .iter()
            .take_while(|(height, _)| full || *height < floor)
            .take(FORK_PRUNE_STEPS)
            .copied()
            .collect();
        for key in old {
            // A withheld branch is remembered as such for as long as there is room.
            let keep = !full && self.nodes.get(&key.1).is_some_and(|node| node.withheld);
            if !keep && key.1 != tip && self.archive.header(&key.1)?.is_some() {
                self.fork_headers.remove(&key);
                self.nodes.remove(&key.1);
            }
        }
        Ok(())
    }

    /// A header that counts here, or on which such a one builds. The store may say already that it is invalid: then the
    /// ledger's notice of it is on its way.
    fn counted(&self, hash: &Hash) -> Result<HeaderNode, StoreError> {
        if let Some(node) = self.nodes.get(hash) {
            return Ok(*node);
        }
        let row = self.archive.header(hash)?;
        row.map(|row| self.node_of(&row)).ok_or_else(|| StoreError::Corrupt(format!("header {hash} is missing")))
    }
}
