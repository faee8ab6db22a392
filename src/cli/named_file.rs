//! Files that a person names for a command to write. What is there already and is of another kind, or has more, stays: the name
//! may be mistyped, and the way out is another name.

use std::{
    fmt::Display,
    fs::{self, File},
    path::Path,
};

use super::{
    datadir,
    exit::{Failure, Outcome},
};
use crate::chain::archive::Tip;

/// The ways out.
const ADVICE: &str = "choose another file, or remove it";

/// Writes a file where nothing is, with this mode.
pub(super) fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Outcome {
    // A link that leads nowhere is something, too.
    if fs::symlink_metadata(path).is_ok() {
        return Err(Failure::usage(format!("the file exists: {}; choose another", path.display())));
    }
    datadir::write_atomically(path, bytes, mode)
}

/// Writes a file, with this mode if it is new. `may_replace` refuses what is there and must stay; it is not asked about an
/// empty file, nor about a device or a pipe, which is written to. What a link leads to is replaced, not the link.
pub(super) fn write_over(
    path: &Path,
    mode: u32,
    may_replace: impl FnOnce() -> Outcome,
    fill: impl FnOnce(&mut File) -> Outcome,
) -> Outcome {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if fs::metadata(&target).is_ok_and(|about| about.is_file() && about.len() > 0) {
        may_replace()?;
    }
    datadir::write_with(&target, mode, fill)
}

/// Says that a file is of another kind than what would be written to it.
pub(super) fn is_foreign(kind: &str, path: &Path, why: &dyn Display) -> Failure {
    Failure::usage(format!("not {kind}: {}: {why}; {ADVICE}", path.display()))
}

/// Says that a file has blocks that the ledger with this tip lacks: behind the tip, or on a branch with more work.
pub(super) fn has_more(path: &Path, tip: &Tip, is_behind_tip: bool) -> Failure {
    let what = match is_behind_tip {
        true => format!("blocks above {}, the last one of this ledger", tip.height),
        false => "a branch with more work than this ledger".to_owned(),
    };
    Failure::usage(format!("{} has {what}: these blocks would be lost; {ADVICE}", path.display()))
}
