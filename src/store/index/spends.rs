//! The payments of an address after a place in the chain: among them is the one that spends a given coin.

use super::{
    HistoryEntry, IndexDb,
    entry::{Entry, Kind},
    history_entry,
    runs::{self, Merging},
};
use crate::chain::{address::Address, archive::StoreError};

impl IndexDb {
    /// At most `most` transactions after a place (height, position) that spend at least `amount` of an address's coins: the oldest
    /// first, but those that spend exactly that before all others, since most often it is one of them that is looked for. Reads
    /// `scan` entries of the address's history at most, and leaves there how many more may be read.
    ///
    /// # Errors
    ///
    /// If the index cannot be read or is damaged.
    pub fn payments_after(
        &self,
        address: &Address,
        (height, position): (u32, u32),
        amount: u64,
        scan: &mut usize,
        most: usize,
    ) -> Result<Vec<HistoryEntry>, StoreError> {
        let snapshot = self.connection.unchecked_transaction()?;
        let low = Entry::history(*address, height, position.saturating_add(1), 0, 0);
        let mut merging = Merging::new(&snapshot, &runs::slots(&snapshot)?, Kind::History, Some(&low))?;
        let (mut entries, mut next) = (Vec::new(), Vec::new());
        while *scan > 0 {
            *scan -= 1;
            merging.next(&mut next)?;
            let Some(entry) = next.first().filter(|entry| entry.address == *address) else { break };
            if entry.numbers[3] >= amount {
                entries.push(*entry);
            }
        }
        entries.sort_by_key(|entry| entry.numbers[3] != amount);
        // Each takes a look-up by its place.
        entries.truncate(most);
        entries.iter().map(|entry| history_entry(&snapshot, entry)).collect()
    }
}
