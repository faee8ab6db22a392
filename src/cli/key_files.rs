//! Key files: what is shown of them, and secrets that people give.

use std::{
    fs::File,
    io::{self, IsTerminal, Read},
    path::Path,
};

use serde_json::{Value, json};

use super::{
    exit::{Exit, Failure, Outcome},
    output,
    passphrase::PassphraseFlags,
};
use crate::{base::hash::unhex, chain::key::SecretKey, wallet::keys::KeyFile};

/// Bytes of a message or a key that are read from a pipe.
pub(super) const COMMAND_INPUT_BYTES: u64 = 1024 * 1024;

/// What is shown of a key file.
pub(super) fn facts(file: &KeyFile) -> Value {
    json!({
        "name": file.name, "address": file.address, "public_key": file.public_key, "encrypted": file.is_encrypted(),
        "label": file.label, "watched": file.is_watched(),
    })
}

/// A secret of 64 hex digits, or a key file; `None`: from standard input.
pub(super) fn read_secret(file: Option<&Path>, flags: &PassphraseFlags) -> Outcome<SecretKey> {
    let text = read_input(file, "paste the secret (64 hex digits) or the key file, then press Ctrl-D:")?;
    parse_secret(text.trim(), flags)
}

/// The text of a file; `None`: of standard input, which a terminal is asked for.
pub(super) fn read_input(file: Option<&Path>, question: &str) -> Outcome<String> {
    let mut text = String::new();
    match file {
        Some(path) => {
            let read = File::open(path).and_then(|file| file.take(COMMAND_INPUT_BYTES).read_to_string(&mut text));
            read.map_err(|error| match error.kind() {
                io::ErrorKind::InvalidData => Failure::usage(format!("{}: not a text in UTF-8", path.display())),
                _ => Failure::input(path, &error),
            })?;
        }
        None => {
            if io::stdin().is_terminal() {
                output::note(question);
            }
            let read = io::stdin().lock().take(COMMAND_INPUT_BYTES).read_to_string(&mut text);
            read.map_err(|error| Failure::new(Exit::Io, format!("cannot read standard input: {error}")))?;
        }
    }
    Ok(text)
}

fn parse_secret(text: &str, flags: &PassphraseFlags) -> Outcome<SecretKey> {
    if let Some(seed) = unhex(text).and_then(|seed| seed.try_into().ok()) {
        return Ok(SecretKey::from_seed(seed));
    }
    match KeyFile::parse(text) {
        Ok(file) => flags.unlock_file(&file),
        Err(_) => Err(Failure::usage("neither a secret of 64 hex digits nor a key file")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{base::hash::hex, chain::spec::ChainSpec};

    #[test]
    fn secrets_are_hex_or_key_files() {
        let key = SecretKey::well_known(5);
        let flags = PassphraseFlags::default();
        assert_eq!(parse_secret(&hex(&key.seed()), &flags).unwrap().seed(), key.seed());
        let address = key.address().to_text(&ChainSpec::local().prefix);
        let file = KeyFile::new("x", address, &key, None).unwrap();
        assert_eq!(parse_secret(&file.to_text(), &flags).unwrap().seed(), key.seed());
        assert_eq!(parse_secret("00ff", &flags).unwrap_err().exit, Exit::Usage);
    }
}
