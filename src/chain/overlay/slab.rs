//! A list of items by number, for what the overlay keeps in great numbers.

/// Items by number, in chunks: a single list would need twice its room whenever it grows.
#[derive(Debug)]
pub(super) struct Slab<T> {
    chunks: Vec<Vec<T>>,
    /// Numbers that are not in use.
    free: Vec<u32>,
}

/// Items in a chunk.
const CHUNK: usize = 512;

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    /// Adds an item and returns its number, which an earlier item may have had.
    pub(super) fn put(&mut self, item: T) -> u32 {
        if let Some(at) = self.free.pop() {
            *self.at_mut(at) = item;
            return at;
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let before = (self.chunks.len() - 1) * CHUNK;
        let chunk = self.chunks.last_mut().expect("there is one now");
        chunk.push(item);
        u32::try_from(before + chunk.len() - 1).expect("the overlay's limit is far below 2^32 changes")
    }

    /// Frees the number of an item that is no longer needed.
    pub(super) fn give_back(&mut self, at: u32) {
        self.free.push(at);
    }

    /// The item with this number.
    pub(super) fn at(&self, at: u32) -> &T {
        &self.chunks[at as usize / CHUNK][at as usize % CHUNK]
    }

    /// The item with this number, mutable.
    pub(super) fn at_mut(&mut self, at: u32) -> &mut T {
        &mut self.chunks[at as usize / CHUNK][at as usize % CHUNK]
    }

    /// Bytes that all items take.
    pub(super) fn bytes(&self) -> usize {
        let items = self.chunks.last().map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.len());
        items * size_of::<T>() + self.free.len() * size_of::<u32>()
    }
}
