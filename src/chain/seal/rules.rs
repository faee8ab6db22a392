//! What differs between chains of proof of work and chains that authorities seal, behind one trait: everything else asks
//! [`ChainSpec::seal_rules`] and does not know which kind of chain it serves.
//!
//! On a sealed chain a header's chain work is the view of its seal, under the number of the set that sealed it. A child's view is
//! above its parent's, so that "the most work" is the rule "the notarised block of the highest view, of the latest set".

use std::time::Duration;

use crate::{
    base::{hash::Hash, time::UnixTime},
    chain::{
        header::Header,
        key::Claim,
        rules::{HeaderFault, ParentFacts},
        seal::{Certificate, Seal},
        spec::ChainSpec,
        target::{CompactTarget, Work},
    },
};

/// The rules of one kind of chain.
pub trait SealRules: Sync {
    /// Checks seal and time of a header whose version, height and link fit this parent. The signatures of authorities are
    /// not checked here: see [`SealRules::parent_claims`].
    fn check(&self, spec: &ChainSpec, parent: &ParentFacts, header: &Header, hash: &Hash) -> Result<(), HeaderFault>;

    /// Checks what a header must show even if its parent is unknown.
    fn check_stray(&self, spec: &ChainSpec, header: &Header, hash: &Hash) -> Result<(), HeaderFault>;

    /// The work of the chain up to and with this header.
    fn chain_work(&self, spec: &ChainSpec, parent: Work, header: &Header, last: &mut LastWork) -> Work;

    /// Whether a header is so far ahead of our clock that its block is held until its time has come.
    fn is_from_future(&self, spec: &ChainSpec, header: &Header, now: UnixTime) -> bool;

    /// The seal of a template on this parent, still to be completed.
    fn draft(&self, spec: &ChainSpec, parent: &ParentFacts) -> Seal;

    /// The least time that the next block may have.
    fn min_time(&self, parent: &ParentFacts) -> u64;

    /// Whether a header counts only once authorities have notarised it, which its child or a certificate shows.
    fn needs_certificate(&self) -> bool;

    /// The signatures by which the header shows that its parent counts. They do only if [`SealRules::check`] has counted them:
    /// a header without votes has none that could fail.
    fn parent_claims(&self, spec: &ChainSpec, header: &Header) -> Vec<Claim>;

    /// Whether others seal from this block on than up to its parent. Then each node checks the header's signatures itself,
    /// whatever follows it.
    fn takes_over(&self, spec: &ChainSpec, header: &Header) -> bool;

    /// The certificate by which the header shows that its parent is final, if others seal from this block on.
    fn handover(&self, spec: &ChainSpec, header: &Header) -> Option<Certificate>;

    /// Whether the header shows that its parent counts, even if the chain's file lacks the set that seals this block.
    fn certifies_parent(&self, spec: &ChainSpec, header: &Header) -> bool;

    /// Whether new blocks spread by announcements, and whole to those who ask. Else their makers propose them to all.
    fn announces_blocks(&self) -> bool;

    /// The most bytes that headers have, as far as the genesis block tells. Later sets of authorities may be larger.
    fn header_bytes(&self, spec: &ChainSpec) -> usize;

    /// Whether a block is on the disk before anybody hears of it, whatever its age: its readers answer for it to others.
    fn stores_before_telling(&self) -> bool;

    /// Whether peers send each other proposals, votes and certificates.
    fn takes_votes(&self) -> bool;

    /// How long a node waits for a block before it looks for peers that know more.
    fn stale_after(&self, spec: &ChainSpec) -> Duration;

    /// Whether a node whose clock is wrong may be misled by headers, or mislead others.
    fn heeds_clock(&self) -> bool;
}

/// The work of the block that was looked at last. Neighbours mostly share a target, and its work is a 256-bit division.
#[derive(Clone, Copy, Debug, Default)]
pub struct LastWork(pub(super) Option<(CompactTarget, Work)>);
