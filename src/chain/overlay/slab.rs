//! A list whose items are known by their numbers: what the overlay keeps many of.

/// Items by number. They lie in chunks, since a list that grows by moving needs its room twice.
#[derive(Debug)]
pub(super) struct Slab<T> {
    chunks: Vec<Vec<T>>,
    /// Numbers that are not in use.
    free: Vec<u32>,
}

/// Things in a chunk.
const CHUNK: usize = 512;

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    /// Keeps a thing; its number may have been another's.
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
        u32::try_from(before + chunk.len() - 1).expect("the overlay's limit is far below as many changes")
    }

    /// Gives a number back that nobody asks for any more.
    pub(super) fn give_back(&mut self, at: u32) {
        self.free.push(at);
    }

    /// The thing with a number that was given out.
    pub(super) fn at(&self, at: u32) -> &T {
        &self.chunks[at as usize / CHUNK][at as usize % CHUNK]
    }

    /// The same, to be changed.
    pub(super) fn at_mut(&mut self, at: u32) -> &mut T {
        &mut self.chunks[at as usize / CHUNK][at as usize % CHUNK]
    }

    /// Bytes that all things take.
    pub(super) fn bytes(&self) -> usize {
        let items = self.chunks.last().map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.len());
        items * size_of::<T>() + self.free.len() * size_of::<u32>()
    }
}
