//! Immutable bytes that are shared instead of copied on their way from a socket to a table.

use std::{fmt, ops::Deref, sync::Arc};

/// A reference-counted, immutable byte string: one allocation from the frame reader to the database row.
#[derive(Clone, Default)]
pub struct Bytes {
    all: Arc<Vec<u8>>,
    /// Where this begins in `all`; never beyond its end.
    start: usize,
}

impl Bytes {
    /// What follows the first `count` bytes, in the same allocation; nothing, if there are fewer.
    pub fn after(&self, count: usize) -> Self {
        Self { all: self.all.clone(), start: self.start.saturating_add(count).min(self.all.len()) }
    }

    /// Whether both share an allocation.
    pub fn shares(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.all, &other.all)
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self { all: Arc::new(bytes), start: 0 }
    }
}

impl Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.all.get(self.start..).unwrap_or_default()
    }
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl Eq for Bytes {}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Length and first bytes identify a block; a megabyte of it in a trace is of no use.
        write!(f, "{}B:", self.len())?;
        self.iter().take(8).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_bytes_shares_them_and_equals_a_copy_of_itself() {
        let bytes = Bytes::from(vec![1, 2, 3, 4]);
        let rest = bytes.after(1).after(1);
        assert_eq!((&rest[..], &rest), (&[3, 4][..], &Bytes::from(vec![3, 4])));
        assert!(rest.shares(&bytes) && !rest.shares(&Bytes::from(vec![3, 4])));
        assert_eq!((bytes.after(4).len(), bytes.after(9).len(), rest.after(usize::MAX).len()), (0, 0, 0));
    }
}
