//! Which rules a chain has.

use crate::chain::{
    header::Header,
    seal::{AuthorityRules, LastWork, SealRules, WorkRules},
    spec::{ChainSpec, SealRule},
    target::Work,
};

impl ChainSpec {
    /// The rules of this chain's kind.
    pub fn seal_rules(&self) -> &'static dyn SealRules {
        match self.parameters.seal {
            SealRule::Work => &WorkRules,
            SealRule::Authorities { .. } => &AuthorityRules,
        }
    }

    /// The work of the chain up to and with a header whose parent's is known.
    pub fn chain_work(&self, parent: Work, header: &Header) -> Work {
        self.seal_rules().chain_work(self, parent, header, &mut LastWork::default())
    }

    /// The work of the chain that is only the genesis block.
    pub fn genesis_work(&self) -> Work {
        self.chain_work(Work::ZERO, &self.genesis.header)
    }
}
