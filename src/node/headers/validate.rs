//! Validation of headers: a batch is judged as a whole before any of it is accepted.

use crate::{
    base::{hash::Hash, time::UnixTime},
    chain::{
        archive::{BlockStatus, HeaderRow, StoreError},
        header::Header,
        key::Claim,
        rules::{self, HeaderFault, ParentFacts},
        schedule::Timeline,
        seal::LastWork,
        spec::ChainSpec,
        target::Work,
    },
    node::{
        fault::PeerFault,
        headers::{
            header_node::{HeaderLookup, HeaderNode},
            index::Index,
        },
    },
};

/// Follows a chain of headers from a known parent, checking one after the other.
pub(super) struct Follower<'a> {
    spec: &'a ChainSpec,
    parent: ParentFacts,
    timeline: Timeline,
    last_work: LastWork,
}

impl<'a> Follower<'a> {
    pub(super) fn new(spec: &'a ChainSpec, index: &Index, hash: Hash, node: HeaderNode) -> Result<Self, StoreError> {
        let HeaderNode { height, time, work, paused, .. } = node;
        let timeline = Timeline::new(spec.parameters.pause_cap, index.recent_times(node)?, paused);
        let parent = ParentFacts { hash, height, time, median_time: timeline.median_time(), paused, work };
        Ok(Self { spec, parent, timeline, last_work: LastWork::default() })
    }

    /// Checks the next header.
    fn check(&self, header: &Header, hash: &Hash) -> Result<(), HeaderFault> {
        rules::check_header(self.spec, &self.parent, header, hash)
    }

    /// Checks the next header and steps onto it.
    pub(super) fn step(&mut self, header: Header, hash: Hash) -> Result<HeaderRow, HeaderFault> {
        self.check(&header, &hash)?;
        Ok(self.step_onto(header, hash))
    }

    fn step_onto(&mut self, header: Header, hash: Hash) -> HeaderRow {
        let work = self.spec.seal_rules().chain_work(self.spec, self.parent.work, &header, &mut self.last_work);
        let Header { height, time, .. } = header;
        self.timeline.push(time);
        let (median_time, paused) = (self.timeline.median_time(), self.timeline.paused());
        self.parent = ParentFacts { hash, height, time, median_time, paused, work };
        HeaderRow { hash, header, work, paused, status: BlockStatus::Header }
    }
}

/// What is in a `Sync` that holds at least one header and no fault.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Batch {
    /// The new headers, valid.
    pub(super) rows: Vec<HeaderRow>,
    /// The last header that counts: height and hash.
    pub(super) last: (u32, Hash),
    /// The headers that are too far in the future, and all that follow them; they are left out of the rows.
    pub(super) future: Option<Refused>,
    /// The first header, if there is one, that names authorities for the next block whom the chain's file does not have.
    pub(super) unknown: Option<Unknown>,
}

/// A header that keeps all rules but names another set for the next block than the chain's file. Either may be wrong.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Unknown {
    pub(super) hash: Hash,
    pub(super) header: Header,
    pub(super) fault: HeaderFault,
    /// What follows it shows that it counts, so that this node's file lacks the set.
    pub(super) is_certified: bool,
    /// Nothing follows it.
    pub(super) is_last: bool,
}

/// Headers that the clock refuses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Refused {
    /// The time of the first, unix seconds.
    pub(super) time: u64,
    /// How many are valid but for their time. A header without its work is nobody's proof of anything.
    pub(super) valid: u32,
    /// The latest time among those.
    pub(super) latest: u64,
    /// Work of the chain up to the last of those.
    pub(super) work: Work,
}

impl Refused {
    /// Judges the first headers that are too far in the future.
    pub(super) fn judge(follower: &mut Follower<'_>, headers: impl IntoIterator<Item = Header>) -> Self {
        let mut refused = Self { time: 0, valid: 0, latest: 0, work: Work::ZERO };
        for header in headers {
            let (time, hash) = (header.time, header.hash());
            if refused.time == 0 {
                refused.time = time;
            }
            let Ok(row) = follower.step(header, hash) else { break };
            refused.valid += 1;
            refused.latest = refused.latest.max(time);
            refused.work = row.work;
        }
        refused
    }
}

/// Judges a batch that is not empty. Headers known already may come first. Of certificates, only that in the last header is
/// checked: it covers all headers before.
pub(super) fn judge(
    spec: &ChainSpec,
    index: &Index,
    headers: Vec<Header>,
    now: UnixTime,
) -> Result<Result<Batch, PeerFault>, StoreError> {
    let Some(first) = headers.first() else { return Ok(Err(PeerFault::UnlinkedHeaders)) };
    let mut hash = first.previous;
    let mut node = match index.find(&hash)? {
        HeaderLookup::Valid(node) => node,
        HeaderLookup::Invalid => return Ok(Err(PeerFault::InvalidBranch)),
        HeaderLookup::Unknown => return Ok(Err(PeerFault::UnlinkedHeaders)),
    };
    let mut headers = headers.into_iter().peekable();
    while let Some(header) = headers.peek() {
        if header.previous != hash {
            return Ok(Err(PeerFault::UnlinkedHeaders));
        }
        let next = header.hash();
        match index.find(&next)? {
            HeaderLookup::Valid(known) => (hash, node) = (next, known),
            HeaderLookup::Invalid => return Ok(Err(PeerFault::InvalidBranch)),
            HeaderLookup::Unknown => break,
        }
        headers.next();
    }
    let mut batch =
        Batch { rows: Vec::with_capacity(headers.len()), last: (node.height, hash), future: None, unknown: None };
    let mut follower = Follower::new(spec, index, hash, node)?;
    while let Some(header) = headers.next() {
        if header.previous != batch.last.1 {
            return Ok(Err(PeerFault::UnlinkedHeaders));
        }
        if rules::is_from_future(spec, &header, now) {
            batch.future = Some(Refused::judge(&mut follower, std::iter::once(header).chain(headers)));
            break;
        }
        let hash = header.hash();
        let next = headers.peek().filter(|next| next.previous == hash);
        match follower.check(&header, &hash) {
            Ok(()) => {
                batch.last = (header.height, hash);
                batch.rows.push(follower.step_onto(header, hash));
            }
            // The sender may have the newer file: it breaks no rule if its header's parent counts, which is looked at below.
            Err(fault @ (HeaderFault::NextAuthorities(_) | HeaderFault::Continued { .. })) => {
                let is_certified = next.is_some_and(|next| spec.seal_rules().certifies_parent(spec, next));
                let is_last = next.is_none();
                batch.unknown = Some(Unknown { hash, header, fault, is_certified, is_last });
                break;
            }
            Err(fault) => return Ok(Err(fault.into())),
        }
    }
    Ok(check_claims(spec, &batch).map(|()| batch).map_err(PeerFault::from))
}

/// Whether a header is sealed by those who sealed its parent, or shows that they have handed over.
pub(super) fn is_handed_over(spec: &ChainSpec, header: &Header) -> bool {
    let rules = spec.seal_rules();
    !rules.takes_over(spec, header) || rules.parent_claims(spec, header).iter().all(Claim::holds)
}

/// What follows a header shows that it counts; so the last one's signatures are checked, and those by which one set hands over
/// to the next.
fn check_claims(spec: &ChainSpec, batch: &Batch) -> Result<(), HeaderFault> {
    let rules = spec.seal_rules();
    let all_hold = |header: &Header| rules.parent_claims(spec, header).iter().all(Claim::holds);
    // Where the file lacks a set, it does not tell whether a header shows that its parent is notarised or that it is final.
    let is_unknown_fine =
        |unknown: &Unknown| rules.certifies_parent(spec, &unknown.header) || all_hold(&unknown.header);
    let last = batch.rows.last().map(|row| &row.header).filter(|_| batch.unknown.is_none());
    let mut signed =
        batch.rows.iter().map(|row| &row.header).filter(|header| rules.takes_over(spec, header)).chain(last);
    match signed.all(all_hold) && batch.unknown.as_ref().is_none_or(is_unknown_fine) {
        true => Ok(()),
        false => Err(HeaderFault::VoteSignature),
    }
}
