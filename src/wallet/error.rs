//! Why keys cannot be used or a payment cannot be made.

use std::{io, path::Path};

/// A failure of the wallet. Its text is one line, "what: where; next step".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WalletError {
    /// What was asked for makes no sense.
    #[error("{0}")]
    Usage(String),
    /// There is no key with this name.
    #[error("no key \"{name}\": {folder}; {hint}")]
    NoKey {
        /// The name.
        name: String,
        /// The folder of keys.
        folder: String,
        /// What to do.
        hint: String,
        /// The names of the keys that there are.
        known: Vec<String>,
    },
    /// A key or a contact of this name exists.
    #[error("a {what} \"{name}\" exists: {place}; choose another name")]
    Exists {
        /// What it is.
        what: &'static str,
        /// Its name.
        name: String,
        /// Its file.
        place: String,
    },
    /// Only the address of this key is here.
    #[error(
        "the key of \"{name}\" is not here, only its address is watched; make the payment with tussock tx make --from \
             {name}, and sign it where the key is"
    )]
    Watched {
        /// Its name.
        name: String,
    },
    /// The coins that can be spent now do not suffice.
    #[error("the payment needs {needed}, but {spendable} are spendable now")]
    Insufficient {
        /// Amounts and fee, in the chain's unit.
        needed: String,
        /// What the spendable coins hold, in the chain's unit.
        spendable: String,
    },
    /// The coins suffice, but no transaction can hold as many of them.
    #[error("the payment needs more than {most} coins, which hold {hold} together")]
    TooManyCoins {
        /// Most coins that fit beside these outputs.
        most: usize,
        /// What the largest of them hold, in the chain's unit.
        hold: String,
    },
    /// A fee that is likely a mistake.
    #[error("a fee of {fee} is far above the usual {usual}")]
    HighFee {
        /// The fee, in the chain's unit.
        fee: String,
        /// The usual one, in the chain's unit.
        usual: String,
    },
    /// The passphrase does not open the key.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// A file of another program or a newer version.
    #[error("{0}")]
    Foreign(String),
    /// A file that does not hold what it should.
    #[error("{0}")]
    Damaged(String),
    /// This user may not read or write a file.
    #[error("{0}")]
    Denied(String),
    /// A file that cannot be read or written.
    #[error("{0}")]
    File(String),
    /// The system fails.
    #[error("{0}")]
    Internal(String),
}

/// The result of the wallet.
pub type Outcome<T = ()> = Result<T, WalletError>;

impl WalletError {
    /// What was asked for makes no sense.
    pub fn usage(text: impl Into<String>) -> Self {
        Self::Usage(text.into())
    }

    /// A file that cannot be read or written.
    pub fn file(what: &str, path: &Path, error: &io::Error) -> Self {
        let text = file_error(what, path, error);
        if error.kind() == io::ErrorKind::PermissionDenied { Self::Denied(text) } else { Self::File(text) }
    }
}

/// What failed, where and why, and what to do about it where that is known: in one line, without the number of the error.
pub fn file_error(what: &str, path: &Path, error: &io::Error) -> String {
    let told = error.to_string();
    let told = match error.kind() {
        io::ErrorKind::InvalidData if error.raw_os_error().is_none() => "not a text in UTF-8",
        _ => told.split(" (os error ").next().unwrap_or_default(),
    };
    let advice = match error.kind() {
        io::ErrorKind::PermissionDenied => "; run the command as the user who may, or choose another place",
        io::ErrorKind::ReadOnlyFilesystem => "; mount the file system for writing, or choose another place",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; make room, or choose another place",
        io::ErrorKind::IsADirectory => "; name a file",
        io::ErrorKind::NotADirectory => "; a part of this path is a file",
        _ => "",
    };
    format!("{what}: {}: {told}{advice}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_a_file_says_what_to_do_and_has_no_number() {
        let told = |number| file_error("cannot write", Path::new("/x/y"), &io::Error::from_raw_os_error(number));
        for (number, advice) in [(13, "run the"), (30, "mount"), (28, "make room"), (21, "name a file"), (20, "a part")]
        {
            let told = told(number);
            assert!(told.starts_with("cannot write: /x/y: ") && told.contains(&format!("; {advice}")), "{told}");
            assert!(!told.contains("os error"), "{told}");
        }
        assert!(!told(5).contains(';'));
    }
}
