//! Passphrases, from a file or the terminal. Never from the command line, which every user of the host can read.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    path::PathBuf,
    process::{Command, Stdio},
};

use clap::Args;

use super::{
    exit::{Exit, Failure, Outcome},
    scarce,
};
use crate::{
    chain::key::SecretKey,
    wallet::keys::{KeyFile, MEMORY_KIB, NamedKey},
};

/// Bytes of a file with a passphrase.
const MAX_BYTES: u64 = 64 * 1024;

/// Flags for a passphrase.
#[derive(Args, Clone, Debug, Default)]
pub struct PassphraseFlags {
    /// Ask on the terminal for the passphrase that a key's file has, or that a new one gets
    #[arg(long)]
    pub passphrase: bool,
    /// Read the passphrase from the first line of this file
    #[arg(long, value_name = "FILE", env = "TUSSOCK_PASSPHRASE_FILE", hide_env_values = true)]
    pub passphrase_file: Option<PathBuf>,
}

impl PassphraseFlags {
    /// The passphrase for a new key file; `None`: the file stays plain.
    pub fn for_new(&self) -> Outcome<Option<String>> {
        let passphrase = match (&self.passphrase_file, self.passphrase) {
            (Some(_), _) => self.read_file()?,
            (None, true) => {
                let passphrase = ask("passphrase: ")?;
                if ask("once more:  ")? != passphrase {
                    return Err(Failure::usage("the passphrases differ; try again"));
                }
                passphrase
            }
            (None, false) => return Ok(None),
        };
        if passphrase.is_empty() {
            return Err(Failure::usage("the passphrase is empty; for a plain file leave out --passphrase"));
        }
        scarce::prepare(MEMORY_KIB)?;
        Ok(Some(passphrase))
    }

    /// The secret of a key; asks for the passphrase if one is needed.
    pub fn unlock(&self, named: &NamedKey) -> Outcome<SecretKey> {
        named.unlock(|| self.ask_to_open(named.memory_kib()))
    }

    /// The secret in a key file.
    pub fn unlock_file(&self, file: &KeyFile) -> Outcome<SecretKey> {
        file.unlock(|| self.ask_to_open(file.memory_kib()))
    }

    fn ask_to_open(&self, memory_kib: Option<u32>) -> Outcome<String> {
        let passphrase = self.to_open()?;
        scarce::prepare(memory_kib.unwrap_or(0))?;
        Ok(passphrase)
    }

    /// The passphrase of an existing key file.
    fn to_open(&self) -> Outcome<String> {
        if self.passphrase_file.is_some() { self.read_file() } else { ask("passphrase: ") }
    }

    fn read_file(&self) -> Outcome<String> {
        let path = self.passphrase_file.as_ref().expect("the caller has seen the path");
        let mut text = String::new();
        // A device has no end.
        let read = File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text));
        let wrong = |problem: &dyn std::fmt::Display| {
            Failure::usage(format!("cannot read the passphrase: {}: {problem}; name another file", path.display()))
        };
        read.map_err(|error| wrong(&error))?;
        if text.len() as u64 > MAX_BYTES {
            return Err(wrong(&format!("more than {MAX_BYTES} bytes")));
        }
        Ok(text.lines().next().unwrap_or_default().to_owned())
    }
}

/// Asks on the terminal with echo off.
fn ask(prompt: &str) -> Outcome<String> {
    let no_terminal = |_| {
        Failure::new(
            Exit::Unauthorised,
            "a passphrase is needed and there is no terminal to ask on; use --passphrase-file FILE",
        )
    };
    let mut terminal = File::options().read(true).write(true).open("/dev/tty").map_err(no_terminal)?;
    terminal.write_all(prompt.as_bytes()).map_err(no_terminal)?;
    let echo_off = EchoOff::new(&terminal);
    let mut line = String::new();
    let read = BufReader::new(&terminal).read_line(&mut line);
    drop(echo_off);
    // The terminal did not echo the newline either.
    drop(terminal.write_all(b"\n"));
    read.map_err(no_terminal)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Keeps the terminal's echo off until dropped. Uses `stty`, because the system call needs unsafe code.
struct EchoOff<'a>(&'a File);

impl<'a> EchoOff<'a> {
    fn new(terminal: &'a File) -> Self {
        stty(terminal, "-echo");
        Self(terminal)
    }
}

impl Drop for EchoOff<'_> {
    fn drop(&mut self) {
        stty(self.0, "echo");
    }
}

/// On a host without `stty` the passphrase stays visible, which is better than no passphrase.
fn stty(terminal: &File, argument: &str) {
    if let Ok(input) = terminal.try_clone() {
        drop(Command::new("stty").arg(argument).stdin(input).stderr(Stdio::null()).status());
    }
}
