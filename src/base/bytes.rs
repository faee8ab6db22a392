//! Immutable bytes that are shared instead of copied on their way from a socket to a table.

use std::{fmt, ops::Deref, sync::Arc};

/// A reference-counted, immutable byte string: one allocation from the frame reader to the database row.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Bytes(Arc<Vec<u8>>);

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Arc::new(bytes))
    }
}

impl Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Length and first bytes identify a block; a megabyte of it in a trace is of no use.
        write!(f, "{}B:", self.len())?;
        self.iter().take(8).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
