//! Headers that count only once a quorum has notarised them.
//!
//! A child's seal holds its parent's certificate. So of a `Sync` all headers but the last are certified by what follows them,
//! and the last is held until `sealer` says that it is notarised, or the peer sends what follows it.

use crate::{
    base::{
        hash::Hash,
        ids::LinkId,
        time::{Now, Time},
    },
    chain::{
        archive::{HeaderRow, StoreError},
        header::Header,
        rules::HeaderFault,
        seal::{AuthoritySet, Epoch},
    },
    node::{
        Halt, Outbox,
        headers::{
            Headers,
            certificates::{FIRST_RETRY, LAST_RETRY, Lacking, Missing, OFF_TOLD},
            header_node::{HeaderLookup, HeaderNode},
            syncnode::{HeaderSources, Standing},
            validate::{self, Batch, Follower, Unknown},
        },
    },
};

impl HeaderSources {
    /// The header with this hash, if a peer has sent it and nothing follows it yet.
    fn held(&self, hash: &Hash) -> Option<Header> {
        let held = self.iter().filter_map(|(_, peer)| peer.held.as_deref());
        held.filter(|(held, _)| held == hash).map(|(_, header)| header.clone()).next()
    }

    /// Has a peer asked at once: it surely has something that we lack. Returns whether there was a reason to ask it.
    fn ask_now(&mut self, link: LinkId) -> bool {
        let Some(peer) = self.get_mut(link).filter(|peer| !peer.closing) else { return false };
        if peer.standing == Standing::Done && peer.questions.since.is_none() {
            peer.standing = Standing::Fresh;
        }
        true
    }
}

impl Headers {
    /// What the peer sent before, if these follow it.
    pub(super) fn with_held(&mut self, link: LinkId, mut headers: Vec<Header>) -> Vec<Header> {
        let held = self.peers.get(link).and_then(|peer| peer.held.as_deref());
        let follows = held.filter(|(hash, _)| headers.first().is_some_and(|first| first.previous == *hash));
        if let Some((_, header)) = follows {
            headers.insert(0, header.clone());
        }
        headers
    }

    /// Takes the last header out of a batch if nothing shows yet that it counts.
    pub(super) fn hold_last(&mut self, link: LinkId, batch: &mut Batch) {
        let needs_certificate = self.spec.seal_rules().needs_certificate();
        let counts = |last: &&HeaderRow| self.certified.counts(&self.spec, last.header.height, &last.hash);
        let last = batch.rows.last().filter(|last| needs_certificate && !counts(last));
        if last.is_some()
            && let Some(HeaderRow { hash, header, .. }) = batch.rows.pop()
            && let Some(peer) = self.peers.get_mut(link)
        {
            peer.held = Some(Box::new((hash, header)));
        }
    }

    /// The last header of a batch is certified by what follows it, and that is not taken.
    pub(super) fn note_parent(&mut self, batch: &Batch) {
        if let Some(row) = batch.rows.last() {
            self.certified.note_row(&self.spec, row);
        }
    }

    /// A quorum of this set has notarised this block in this view.
    pub(super) fn take_notarised(
        &mut self,
        now: Now,
        link: Option<LinkId>,
        (hash, epoch, view): (Hash, Epoch, u64),
        header: Option<Header>,
        out: &mut Outbox,
    ) -> Result<(), StoreError> {
        let is_news = self.certified.note(hash, epoch, view);
        let Some(index) = &self.index else { return Ok(()) };
        match index.find(&hash)? {
            HeaderLookup::Valid(node) if node.withheld && self.certified.counts(&self.spec, node.height, &hash) => {
                self.reconsider(now.mono, hash, out)?;
                return self.lift(now.mono, (hash, node.height), out).map(drop);
            }
            HeaderLookup::Valid(node) => return self.lift(now.mono, (hash, node.height), out).map(drop),
            HeaderLookup::Invalid => return Ok(()),
            HeaderLookup::Unknown => {}
        }
        let is_here = header.is_some();
        let Some(header) = header.or_else(|| self.peers.held(&hash)) else {
            self.miss(now.mono, link, hash, is_news);
            return Ok(());
        };
        if !self.certified.counts(&self.spec, header.height, &hash) {
            log::warn!("a set of authorities certifies a block that is not its own: block={hash} epoch={epoch}");
            return Ok(());
        }
        let parent = match index.find(&header.previous)? {
            HeaderLookup::Valid(node) => node,
            HeaderLookup::Invalid => return Ok(()),
            HeaderLookup::Unknown => {
                self.miss(now.mono, link, hash, is_news);
                return Ok(());
            }
        };
        self.take_certified(now, link, (hash, header), (parent, is_here), out)
    }

    /// Takes a certified header whose parent is known. `is_here`: its body came with a proposal.
    fn take_certified(
        &mut self,
        now: Now,
        link: Option<LinkId>,
        (hash, header): (Hash, Header),
        (parent, is_here): (HeaderNode, bool),
        out: &mut Outbox,
    ) -> Result<(), StoreError> {
        let Some(index) = &self.index else { return Ok(()) };
        let (previous, height) = (header.previous, header.height);
        if !validate::is_handed_over(&self.spec, &header) {
            log::warn!("a set of authorities certifies a block before it is in office: block={hash} height={height}");
            return Ok(());
        }
        let row = match Follower::new(&self.spec, index, previous, parent)?.step(header, hash) {
            Ok(row) => row,
            Err(fault @ (HeaderFault::NextAuthorities(_) | HeaderFault::Continued { .. })) => {
                self.lack(now, height, &fault, true, out);
                return Ok(());
            }
            Err(fault) => {
                out.halt(Halt::certified_but_invalid(&hash, &fault.to_string()));
                return Ok(());
            }
        };
        if self.leaves_final(std::slice::from_ref(&row))? {
            log::error!("a notarised block leaves the final chain: block={hash} height={}", row.header.height);
            return Ok(());
        }
        if parent.withheld {
            self.reconsider(now.mono, previous, out)?;
        }
        if let Some(peer) = link.and_then(|link| self.peers.get_mut(link)) {
            peer.height = peer.height.max(row.header.height);
            peer.shows = Some(hash);
        }
        self.accept(now.mono, vec![row], is_here, false, out).map(|_| ())
    }

    /// Remembers that the header of a notarised block is missing, and has a peer asked for it.
    fn miss(&mut self, now: Time, link: Option<LinkId>, hash: Hash, is_news: bool) {
        if is_news {
            let asked = link.is_some_and(|link| self.peers.ask_now(link));
            let again = if asked { now + FIRST_RETRY } else { now };
            self.certified.missing = Some(Missing { hash, again, wait: FIRST_RETRY });
        }
    }

    /// Has another peer asked for the header of a notarised block that is still missing.
    pub(super) fn ask_for_missing(&mut self, now: Time) -> Result<(), StoreError> {
        let Some(missing) = self.certified.missing.filter(|missing| missing.again <= now) else { return Ok(()) };
        let Some(index) = &self.index else { return Ok(()) };
        if index.find(&missing.hash)? != HeaderLookup::Unknown || missing.wait > LAST_RETRY {
            self.certified.missing = None;
            return Ok(());
        }
        let links: Vec<LinkId> = self.peers.iter().map(|(link, _)| link).collect();
        if let Some(link) = self.rng.pick(&links) {
            self.peers.ask_now(*link);
        }
        self.certified.missing = Some(Missing { again: now + missing.wait, wait: missing.wait * 2, ..missing });
        Ok(())
    }

    /// Takes headers that peers sent as their last, and that were notarised meanwhile.
    pub(super) fn take_held(&mut self, now: Now, out: &mut Outbox) -> Result<(), StoreError> {
        let held = self.peers.iter().filter_map(|(link, peer)| Some((link, peer.held.as_deref()?)));
        let counts =
            |(_, (hash, header)): &(LinkId, &(Hash, Header))| self.certified.counts(&self.spec, header.height, hash);
        let epoch = |header: &Header| self.spec.authorities.at(header.height).map_or(0, AuthoritySet::epoch);
        let ready: Vec<(LinkId, Hash, Epoch)> =
            held.filter(counts).map(|(link, held)| (link, held.0, epoch(&held.1))).collect();
        for (link, hash, epoch) in ready {
            // In which view is known.
            self.take_notarised(now, Some(link), (hash, epoch, 0), None, out)?;
            if let Some(peer) = self.peers.get_mut(link) {
                peer.held = None;
            }
        }
        Ok(())
    }

    /// A peer's chain goes on with authorities whom this node's file does not have, or so it says.
    pub(super) fn meet_unknown(&mut self, now: Now, link: LinkId, unknown: Unknown, out: &mut Outbox) {
        let Unknown { hash, header, fault, is_certified, is_last } = unknown;
        match is_last {
            false => self.lack(now, header.height, &fault, is_certified, out),
            true => self.certified.meet_last(now.mono, header.height, fault),
        }
        if let Some(peer) = self.peers.get_mut(link) {
            peer.done(now.mono);
            peer.slow(now.mono);
            peer.held = is_last.then(|| Box::new((hash, header)));
        }
    }

    /// Says that this node's file is not that of others, unless its own chain is past that block.
    fn lack(&mut self, now: Now, height: u32, fault: &HeaderFault, is_certain: bool, out: &mut Outbox) {
        if self.index.as_ref().is_some_and(|index| index.applied().height < height) {
            self.certified.lack(now, &Lacking { spec: &self.spec, height, fault }, is_certain, out);
        }
    }

    /// No branch that leaves this block counts any more.
    pub(super) fn take_final(&mut self, height: u32, hash: Hash) -> Result<(), StoreError> {
        let index = self.index.as_ref();
        let is_ours = |height, hash: &Hash| index.map_or(Ok(false), |index| index.is_on_best(height, hash));
        self.certified.finals.advance(height, hash, is_ours).map(|_| ())
    }

    /// The peer's chain leaves the last final block: it is not asked again for a while. Headers alone do not show who is wrong.
    pub(super) fn ignore_unfinal(
        &mut self,
        now: Now,
        link: LinkId,
        last: (u32, Hash),
        out: &mut Outbox,
    ) -> Result<bool, StoreError> {
        log::error!(
            "a branch that leaves the final chain is ignored: link={} height={} block={}",
            link.0,
            last.0,
            last.1
        );
        if let Some(peer) = self.peers.get_mut(link) {
            peer.done(now.mono);
            peer.slow(now.mono);
        }
        if let Some((height, hash)) = self.certified.finals.newest()
            && self.is_doubted(height)?
        {
            self.certified.contradict(now, height, hash, out);
        }
        Ok(false)
    }

    /// Says so once what is final has not been in this node's chain for long, though the chain is as high.
    pub(super) fn look_at_finals(&mut self, now: Now, out: &mut Outbox) -> Result<(), StoreError> {
        let Some(index) = &self.index else { return Ok(()) };
        self.certified.passed(now, index.applied().height, out);
        if let Some((height, fault)) = self.certified.unexplained(now.mono) {
            self.lack(now, height, &fault, false, out);
        }
        let Some(index) = &self.index else { return Ok(()) };
        let Some((height, hash)) = self.certified.finals.newest() else { return Ok(()) };
        let is_ours = index.applied().height < height || index.is_on_best(height, &hash)?;
        if is_ours {
            self.certified.off_since = None;
            let is_applied = index.applied().height >= height;
            if is_applied && self.certified.is_contradicted() && !self.is_doubted(height)? {
                self.certified.agree(now, out);
            }
            return Ok(());
        }
        let since = *self.certified.off_since.get_or_insert(now.mono);
        if since + OFF_TOLD <= now.mono {
            self.certified.contradict(now, height, hash, out);
        }
        Ok(())
    }

    /// Whether new headers, each the parent of the next, belong to a branch without a final block.
    pub(super) fn leaves_final(&self, rows: &[HeaderRow]) -> Result<bool, StoreError> {
        let Some(last) = rows.last() else { return Ok(false) };
        for (height, hash) in self.certified.finals.binding(&self.spec.authorities, last.header.height) {
            if self.leaves(rows, height, hash)? && !self.may_lead_to_later(height, last)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a branch may lead to what a later set than that of the final block at this height has certified, as far as its
    /// headers go. They are taken as those of a branch that has less work than ours until then.
    fn may_lead_to_later(&self, height: u32, last: &HeaderRow) -> Result<bool, StoreError> {
        let Some(index) = &self.index else { return Ok(false) };
        Ok(last.work <= index.applied().work && self.is_doubted(height)?)
    }

    /// Whether a later set has certified a block that is unknown here, so that the final block at this height may be the lie of
    /// those who seal no longer.
    fn is_doubted(&self, height: u32) -> Result<bool, StoreError> {
        let Some((set, index)) = self.spec.authorities.at(height).zip(self.index.as_ref()) else { return Ok(false) };
        for hash in self.certified.of_later(set.epoch()) {
            if index.find(&hash)? == HeaderLookup::Unknown {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn leaves(&self, rows: &[HeaderRow], height: u32, hash: Hash) -> Result<bool, StoreError> {
        let Some(index) = &self.index else { return Ok(false) };
        let Some((first, last)) = rows.first().zip(rows.last()) else { return Ok(false) };
        if let Some(row) = rows.iter().find(|row| row.header.height == height) {
            return Ok(row.hash != hash);
        }
        if last.header.height < height {
            // A chain that ends below it may still lead there, unless the final block is known.
            return Ok(matches!(index.find(&hash)?, HeaderLookup::Valid(_)));
        }
        let (mut hash_below, mut at) = (first.header.previous, first.header.height.saturating_sub(1));
        while at > height && !index.is_on_best(at, &hash_below)? {
            let HeaderLookup::Valid(node) = index.find(&hash_below)? else { return Ok(true) };
            (hash_below, at) = (node.parent, node.height.saturating_sub(1));
        }
        let found = if at > height { index.hash_at(height)? } else { Some(hash_below) };
        Ok(found != Some(hash))
    }
}
