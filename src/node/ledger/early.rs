//! Bodies that came before their headers. `fetch` has a body checked while `headers` still decides on its header, if that was
//! found valid before; whichever of the two is through first is here first. Nothing is stored or passed on of a block whose
//! header `headers` has not had stored: its body waits here for a moment, and is then asked for again.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    base::{
        hash::Hash,
        limits::{EARLY_TIME, MAX_OFFERED, OFFERED_BYTES},
        time::Time,
    },
    chain::{archive::HeaderRow, checked::CheckedBlock, rules::BlockFault},
    node::Origin,
};

/// What the verifier has found.
#[derive(Debug)]
pub(super) enum Found {
    /// Its stateless checks hold.
    Valid(Arc<CheckedBlock>),
    /// The header commits to an invalid body.
    Invalid(Box<BlockFault>),
}

/// A body without a header.
#[derive(Debug)]
pub(super) struct EarlyBody {
    pub(super) origin: Origin,
    pub(super) hash: Hash,
    pub(super) found: Found,
    pub(super) since: Time,
}

/// Those that wait, oldest first: as many, and as large, as `fetch` has offered at a time.
#[derive(Debug, Default)]
pub(super) struct Early {
    list: VecDeque<EarlyBody>,
    bytes: usize,
}

impl EarlyBody {
    fn bytes(&self) -> usize {
        if let Found::Valid(block) = &self.found { block.bytes.len() } else { 0 }
    }
}

impl Early {
    /// Keeps a body. The oldest make room, and are returned.
    pub(super) fn insert(&mut self, body: EarlyBody) -> Vec<EarlyBody> {
        self.bytes += body.bytes();
        self.list.push_back(body);
        self.take_oldest_while(|early| {
            early.list.len() > MAX_OFFERED || early.bytes > OFFERED_BYTES && early.list.len() > 1
        })
    }

    /// Takes those whose headers these are, in the headers' order.
    pub(super) fn take(&mut self, rows: &[HeaderRow]) -> Vec<EarlyBody> {
        let mut taken = Vec::new();
        if self.list.is_empty() {
            return taken;
        }
        for row in rows {
            while let Some(at) = self.list.iter().position(|body| body.hash == row.hash) {
                taken.extend(self.list.remove(at));
            }
        }
        self.bytes -= taken.iter().map(EarlyBody::bytes).sum::<usize>();
        taken
    }

    /// Takes those whose headers have not come in time.
    pub(super) fn take_late(&mut self, now: Time) -> Vec<EarlyBody> {
        self.take_oldest_while(|early| early.deadline().is_some_and(|until| until <= now))
    }

    /// When the first will have waited too long.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.list.front().map(|body| body.since + EARLY_TIME)
    }

    fn take_oldest_while(&mut self, goes: impl Fn(&Self) -> bool) -> Vec<EarlyBody> {
        let mut taken = Vec::new();
        while goes(self)
            && let Some(oldest) = self.list.pop_front()
        {
            self.bytes -= oldest.bytes();
            taken.push(oldest);
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::ids::LinkId,
        chain::{key::SecretKey, spec::ChainSpec, testkit::BlockMaker},
    };

    fn body(since: u64, hash: u8, found: Found) -> EarlyBody {
        EarlyBody { origin: Origin::Rebuilt(LinkId(1)), hash: Hash([hash; 32]), found, since: Time(since) }
    }

    fn invalid(since: u64, hash: u8) -> EarlyBody {
        body(since, hash, Found::Invalid(Box::new(BlockFault::MerkleRoot)))
    }

    fn valid(since: u64, hash: u8, bytes: usize) -> EarlyBody {
        let mut maker = BlockMaker::new(Arc::new(ChainSpec::local()));
        let block = maker.next_block(Vec::new(), SecretKey::well_known(0).address());
        let mut block = CheckedBlock::new(&block);
        block.bytes = vec![0; bytes].into();
        body(since, hash, Found::Valid(Arc::new(block)))
    }

    fn hashes(bodies: &[EarlyBody]) -> Vec<u8> {
        bodies.iter().map(|body| body.hash.0[0]).collect()
    }

    #[test]
    fn the_oldest_make_room_by_number_and_by_bytes() {
        let mut early = Early::default();
        for hash in 0..8 {
            assert_eq!(hashes(&early.insert(invalid(0, hash))), []);
        }
        assert_eq!(hashes(&early.insert(invalid(0, 8))), [0]);
        let mut early = Early::default();
        assert_eq!(hashes(&early.insert(valid(0, 1, OFFERED_BYTES / 2))), []);
        assert_eq!(hashes(&early.insert(valid(0, 2, OFFERED_BYTES / 2))), []);
        assert_eq!(hashes(&early.insert(valid(0, 3, 1))), [1]);
        assert_eq!(hashes(&early.insert(valid(0, 4, OFFERED_BYTES + 1))), [2, 3], "one may always wait");
        assert_eq!(early.bytes, OFFERED_BYTES + 1);
    }

    #[test]
    fn what_waits_too_long_goes() {
        let mut early = Early::default();
        early.insert(invalid(10, 1));
        early.insert(invalid(20, 2));
        let first = Time(10) + EARLY_TIME;
        assert_eq!(early.deadline(), Some(first));
        assert_eq!(hashes(&early.take_late(Time(first.0 - 1))), []);
        assert_eq!(hashes(&early.take_late(first)), [1]);
        assert_eq!(hashes(&early.take_late(Time(20) + EARLY_TIME)), [2]);
        assert_eq!((early.deadline(), early.bytes), (None, 0));
    }
}
