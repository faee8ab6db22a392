//! Where passphrases come from: a file, or the terminal. Never the command line, where every user of a host sees them.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Command, Stdio},
};

use clap::Args;

use crate::cli::exit::{Exit, Failure, Outcome};

/// How a command gets a passphrase.
#[derive(Args, Clone, Debug, Default)]
pub struct PassphraseFlags {
    /// The key file is to have a passphrase, or has one: ask for it on the terminal
    #[arg(long)]
    pub passphrase: bool,
    /// Read the passphrase from the first line of this file
    #[arg(long, value_name = "FILE", env = "TUSSOCK_PASSPHRASE_FILE", hide_env_values = true)]
    pub passphrase_file: Option<PathBuf>,
}

impl PassphraseFlags {
    /// The passphrase for a new file; `None`: the file stays plain.
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
            return Err(Failure::usage("an empty passphrase protects nothing; leave it out for a plain file"));
        }
        Ok(Some(passphrase))
    }

    /// The passphrase of an existing file.
    pub fn to_open(&self) -> Outcome<String> {
        if self.passphrase_file.is_some() { self.read_file() } else { ask("passphrase: ") }
    }

    fn read_file(&self) -> Outcome<String> {
        let path = self.passphrase_file.as_ref().expect("the caller has seen the path");
        let text = fs::read_to_string(path).map_err(|error| {
            Failure::usage(format!("cannot read the passphrase: {}: {error}; check --passphrase-file", path.display()))
        })?;
        Ok(text.lines().next().unwrap_or_default().to_owned())
    }
}

/// Asks on the terminal, without showing what is typed.
fn ask(prompt: &str) -> Outcome<String> {
    let no_terminal = |_| {
        Failure::new(
            Exit::Unauthorised,
            "a passphrase is needed and there is no terminal to ask on; use --passphrase-file FILE",
        )
    };
    let mut terminal = File::options().read(true).write(true).open("/dev/tty").map_err(no_terminal)?;
    terminal.write_all(prompt.as_bytes()).map_err(no_terminal)?;
    let quiet = Echo::off(&terminal);
    let mut line = String::new();
    let read = BufReader::new(&terminal).read_line(&mut line);
    drop(quiet);
    // The newline that was typed was not shown either.
    drop(terminal.write_all(b"\n"));
    read.map_err(no_terminal)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Keeps the terminal from showing what is typed until dropped. `stty` does it, since the system call needs unsafe code.
struct Echo<'a>(&'a File);

impl<'a> Echo<'a> {
    fn off(terminal: &'a File) -> Self {
        stty(terminal, "-echo");
        Self(terminal)
    }
}

impl Drop for Echo<'_> {
    fn drop(&mut self) {
        stty(self.0, "echo");
    }
}

/// A host without `stty` shows the passphrase; that is better than not taking it.
fn stty(terminal: &File, argument: &str) {
    if let Ok(input) = terminal.try_clone() {
        drop(Command::new("stty").arg(argument).stdin(input).stderr(Stdio::null()).status());
    }
}
