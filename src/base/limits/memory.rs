//! Budgets that `--max-memory` makes larger or smaller.

/// `budget` × `part` / `whole`. It is right for all sizes that fit: on hosts with 32 bits, `budget` × `part` alone may not.
/// A result that does not fit becomes the largest size, and `whole` 0 counts as 1.
pub fn scaled(budget: usize, part: usize, whole: usize) -> usize {
    let widened = budget as u128 * part as u128 / whole.max(1) as u128;
    usize::try_from(widened).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::scaled;
    use crate::base::limits::{COIN_OVERLAY_BYTES, EXPECTED_COINS, FETCH_BYTES, MEMPOOL_BYTES, SQLITE_CACHE_BYTES};

    const BUDGETS: [usize; 5] = [COIN_OVERLAY_BYTES, EXPECTED_COINS, FETCH_BYTES, MEMPOOL_BYTES, SQLITE_CACHE_BYTES];

    #[test]
    fn budgets_of_up_to_a_gibibyte_fit_32_bits() {
        for (budget, mib) in BUDGETS.into_iter().flat_map(|budget| (16..=1024).map(move |mib| (budget, mib))) {
            let bytes = scaled(budget, mib, 32);
            assert_eq!(bytes as u64, budget as u64 * mib as u64 / 32, "{budget} for {mib} MiB");
            assert!(i32::try_from(bytes).is_ok(), "an allocation of a 32-bit host ends at half of its addresses");
        }
    }

    #[test]
    fn what_does_not_fit_is_the_largest_size() {
        assert_eq!(scaled(usize::MAX, 3, 2), usize::MAX);
        assert_eq!(scaled(usize::MAX, usize::MAX, usize::MAX), usize::MAX);
        assert_eq!(scaled(usize::MAX, 2, 4), usize::MAX / 2);
        assert_eq!((scaled(7, 5, 0), scaled(0, 5, 3)), (35, 0));
    }
}
