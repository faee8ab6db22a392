//! Exit codes, and failures with their one line.

use std::{io, path::Path};

use rustix::{fs::Access, io::Errno};
use serde_json::Value;

use crate::{
    chain::archive::StoreError,
    config::suggest,
    wallet::error::{WalletError, file_error},
};

/// The exit code of a command. Scripts rely on the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It worked.
    Ok = 0,
    /// A bug, or an unforeseen failure.
    Internal = 1,
    /// Wrong arguments or a bad configuration.
    Usage = 2,
    /// No node answers.
    Unreachable = 3,
    /// There is no such block, transaction, key or peer.
    NotFound = 4,
    /// The node or the consensus rules refused it.
    Rejected = 5,
    /// The time ran out.
    TimedOut = 6,
    /// Another process holds the data directory.
    InUse = 7,
    /// The cookie is missing or wrong, or permission is denied.
    Unauthorised = 8,
    /// The data belongs to another chain or to a newer program, or the authorities' word forbids to go on: waiting does not help.
    Mismatch = 9,
    /// The disk is full, failing or damaged, or a file cannot be read or written.
    Io = 10,
}

/// What to do about a file system that is mounted for reading only.
const READ_ONLY: &str =
    "the file system is mounted read-only: mount it for writing, or copy the data directory to another";

/// The table at the end of `tussock --help`.
pub const TABLE: &str = "\
Exit codes:
  0 ok                       6 timed out
  1 internal error           7 data directory in use
  2 usage, configuration     8 not authorised
  3 node not reachable       9 wrong chain or database version
  4 not found               10 disk full or I/O error
  5 rejected               130 second signal";

/// Why a command failed: an exit code and one line, "what: where; next step".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// One line without a full stop. Empty: print nothing.
    pub message: String,
    /// What the node said for programs, if it was the node that refused.
    pub data: Value,
}

/// The result of a command.
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// A failure with this exit code and line.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), data: Value::Null }
    }

    /// Wrong arguments or a bad configuration.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// What was read in parts is of two branches. Nothing failed: the next try is of one.
    pub fn reorganised() -> Self {
        Self::new(Exit::Rejected, "the chain was reorganised meanwhile; run the command again")
    }

    /// A file that cannot be read or written.
    pub fn io(what: &str, path: &Path, error: &io::Error) -> Self {
        let exit = if error.kind() == io::ErrorKind::PermissionDenied { Exit::Unauthorised } else { Exit::Io };
        Self::new(exit, file_error(what, path, error))
    }

    /// A data directory or a key that this user may not read.
    pub fn denied(path: &Path) -> Self {
        let advice = "run the command as the node's user";
        Self::new(Exit::Unauthorised, format!("permission denied: {}; {advice}", path.display()))
    }

    /// An input file that cannot be read.
    pub fn input(path: &Path, error: &io::Error) -> Self {
        let failure = Self::io("cannot read", path, error);
        let exit = match error.kind() {
            io::ErrorKind::NotFound => Exit::NotFound,
            // It was read, and is no text.
            io::ErrorKind::InvalidData => Exit::Usage,
            _ => failure.exit,
        };
        Self { exit, ..failure }
    }

    /// An exit code without a line, for a failure that was already reported on standard output.
    pub fn silent(exit: Exit) -> Self {
        Self::new(exit, "")
    }

    /// A database failure, with the file and the next step.
    pub fn store(path: &Path, error: &StoreError) -> Self {
        let shown = path.display();
        match error {
            StoreError::Io(text) => {
                // A file beside the database says so itself.
                let file = if names_a_file(path, error) { String::new() } else { format!(": {}", path.display()) };
                match refusal(path, text) {
                    Some(Errno::ROFS) => Self::new(Exit::Io, format!("{text}{file}; {READ_ONLY}")),
                    Some(_) => Self::denied(path),
                    None => {
                        Self::new(Exit::Io, format!("{error}{file}; make room or check the disk, then start again"))
                    }
                }
            }
            StoreError::Corrupt(_) => Self::new(
                Exit::Io,
                format!("{error}: {shown}; move the file away and start again, the node fetches the ledger again"),
            ),
            StoreError::Mismatch(text) => {
                let (what, advice) = text.split_once("; ").unwrap_or((text, "use another --data-dir"));
                Self::new(Exit::Mismatch, format!("{what}: {shown}; {advice}"))
            }
            StoreError::Pruned { .. } => {
                Self::new(Exit::NotFound, format!("{error}: {shown}; ask a node that keeps the whole history"))
            }
            StoreError::InUse(_) => Self::new(Exit::InUse, format!("{error}: {shown}")),
            StoreError::Other(_) => Self::new(Exit::Internal, format!("{error}: {shown}")),
        }
    }
}

/// Why the system lets this user not write where a database is, if that can be what the error says. SQLite writes beside a
/// database even to read it, and says the same of a user's missing right and of a file system that is read-only.
fn refusal(path: &Path, text: &str) -> Option<Errno> {
    let text = text.to_lowercase();
    let says = ["readonly", "read-only", "unable to open", "permission denied"].iter().any(|part| text.contains(part));
    let places = [path.parent().filter(|folder| !folder.as_os_str().is_empty()), Some(path)];
    let refused = |place: &Path| rustix::fs::access(place, Access::READ_OK | Access::WRITE_OK).err();
    let mut refused = places.into_iter().flatten().filter_map(refused);
    refused.find(|error| says && matches!(*error, Errno::ROFS | Errno::ACCESS))
}

/// Whether an error names a file in the folder of this one.
fn names_a_file(path: &Path, error: &StoreError) -> bool {
    let folder = path.parent().map(|folder| folder.display().to_string()).filter(|folder| !folder.is_empty());
    folder.is_some_and(|folder| error.to_string().contains(&folder))
}

impl From<WalletError> for Failure {
    fn from(error: WalletError) -> Self {
        let exit = match &error {
            WalletError::Usage(_) | WalletError::Exists { .. } => Exit::Usage,
            WalletError::NoKey { .. } | WalletError::Watched { .. } => Exit::NotFound,
            WalletError::Insufficient { .. } | WalletError::TooManyCoins { .. } | WalletError::HighFee { .. } => {
                Exit::Rejected
            }
            WalletError::WrongPassphrase | WalletError::Denied(_) => Exit::Unauthorised,
            WalletError::Foreign(_) => Exit::Mismatch,
            WalletError::Damaged(_) | WalletError::File(_) => Exit::Io,
            WalletError::Internal(_) => Exit::Internal,
        };
        let message = match &error {
            WalletError::NoKey { name, folder, known, .. } => match suggest(name, known.iter().map(String::as_str)) {
                Some(meant) => format!("no key \"{name}\": {folder}; did you mean \"{meant}\"?"),
                None => error.to_string(),
            },
            WalletError::HighFee { .. } => format!("{error}; if that is right, add --allow-high-fee"),
            _ => error.to_string(),
        };
        Self::new(exit, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn store_errors_have_the_codes_of_the_contract() {
        let code = |error| Failure::store(Path::new("/x/ledger.db"), &error).exit as u8;
        assert_eq!(code(StoreError::Io("full".into())), 10);
        assert_eq!(code(StoreError::Corrupt("page 3".into())), 10);
        assert_eq!(code(StoreError::Mismatch("newer".into())), 9);
        assert_eq!(code(StoreError::InUse("locked".into())), 7);
        assert_eq!(code(StoreError::Other("?".into())), 1);
    }

    /// A full disk is no matter of rights.
    #[test]
    fn what_the_system_refuses_is_told_from_a_full_disk() {
        let path = Path::new("/proc/self/fdinfo/ledger.db");
        let failure = |text: &str| Failure::store(path, &StoreError::Io(text.into()));
        assert!(failure("database or disk is full").message.contains("make room"));
        let is_refused = rustix::fs::access("/proc/self/fdinfo", Access::WRITE_OK).is_err();
        let refused = failure("attempt to write a readonly database");
        assert_eq!(refused.exit == Exit::Unauthorised, is_refused, "{refused:?}");
    }

    #[test]
    fn a_mismatch_is_told_with_its_own_advice_only() {
        let error = StoreError::Mismatch("it has version 9; use a newer tussock".into());
        assert_eq!(Failure::store(Path::new("/x"), &error).message, "it has version 9: /x; use a newer tussock");
    }

    #[test]
    fn the_help_table_names_every_code() {
        for code in (0..=10).chain([130]) {
            assert!(TABLE.split_whitespace().any(|word| word == code.to_string()), "{code}");
        }
    }
}
