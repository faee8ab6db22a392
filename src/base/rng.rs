//! Seeded randomness. Roles get a stream from their driver: the operating system's entropy in production, the run's
//! seed in the simulator. ChaCha's streams are value-stable across versions, so a seed always replays the same run.

use chacha20::{
    ChaCha12Rng,
    rand_core::{Rng as _, SeedableRng as _},
};

use super::hash::Domain;

/// A deterministic random stream.
#[derive(Debug)]
pub struct Rng(ChaCha12Rng);

impl Rng {
    /// A stream from 32 bytes of entropy.
    pub fn new(seed: [u8; 32]) -> Self {
        Self(ChaCha12Rng::from_seed(seed))
    }

    /// A stream from a number, for simulations and tests.
    pub fn from_number(seed: u64) -> Self {
        Self::new(Domain::STREAM.hash(&seed.to_le_bytes()).0)
    }

    /// An independent stream for the part named `label`: drawing from one does not change the other.
    pub fn fork(&mut self, label: &str) -> Self {
        let mut input = self.bytes::<32>().to_vec();
        input.extend_from_slice(label.as_bytes());
        Self::new(Domain::STREAM.hash(&input).0)
    }

    /// 64 uniform bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// `N` uniform bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// A number in `0..bound`; 0 if `bound` is 0. Lemire's multiply-shift; the bias is below 2⁻⁶⁴ × `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.next_u64()) * u128::from(bound);
        u64::try_from(wide >> 64).expect("a 128-bit product shifted by 64 fits in 64 bits")
    }

    /// A number in `low..=high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low.saturating_add(self.below(high.saturating_sub(low).saturating_add(1)))
    }

    /// True with a probability of `parts` in a million.
    pub fn chance(&mut self, parts_per_million: u64) -> bool {
        self.below(1_000_000) < parts_per_million
    }

    /// A uniformly chosen element.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let at = usize::try_from(self.below(items.len() as u64)).ok()?;
        items.get(at)
    }

    /// Puts the items in a uniformly random order (Fisher–Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let at = usize::try_from(self.below(last as u64 + 1)).expect("an index below a slice's length");
            items.swap(last, at);
        }
    }

    /// The generator itself, for libraries that draw their own randomness (batched signature checks).
    pub fn generator(&mut self) -> &mut ChaCha12Rng {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_of_a_seed_never_changes() {
        // Pinned: every recorded simulator seed depends on these values.
        let mut rng = Rng::from_number(7);
        assert_eq!([rng.below(1000), rng.below(1000), rng.below(1000)], [662, 268, 732]);
    }

    #[test]
    fn below_stays_below_and_shuffle_permutes() {
        let mut rng = Rng::from_number(1);
        assert!((0..1000).all(|_| rng.below(3) < 3));
        assert_eq!(rng.below(0), 0);
        let mut items: Vec<u32> = (0..50).collect();
        rng.shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }
}
