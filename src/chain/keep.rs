//! How many blocks a ledger keeps.

/// How much of the applied chain a ledger keeps whole: header, body and undo data. Of older blocks it keeps the headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Keep {
    /// All of it.
    #[default]
    All,
    /// So many of the last blocks.
    Blocks(u32),
    /// As many of the last blocks as have so many bytes, bodies and undo data, but [`Keep::FEWEST`] at least.
    Bytes(u64),
}

impl Keep {
    /// The fewest blocks that are kept, whatever their size: no reorganisation may be deeper.
    pub const FEWEST: u32 = 100;
}
