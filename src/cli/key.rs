//! `key`: key files with mode 0600. Secrets pass through files and pipes, never through arguments.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    context::Context,
    datadir,
    exit::{Exit, Failure, Outcome},
    key_files::{COMMAND_INPUT_BYTES, facts, read_secret},
    named_file,
    output::{self, Rows},
    passphrase::PassphraseFlags,
    restore,
};
use crate::{
    base::hash::{Domain, hex, unhex},
    chain::{
        address::Address,
        key::{self, SecretKey},
        spec::WELL_KNOWN_ACCOUNTS,
    },
    wallet::keys::{Keys, NamedKey},
};

/// `tussock key`
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tussock key new alice\n  tussock key list --json")]
pub struct KeyArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Make a key; prints its address
    #[command(after_help = "\
With --words the key follows from 12 words, which are shown once: on paper they
are a copy that outlives this host. The key file holds no words. Other keys,
and those that programs make over RPC, do not follow from them: back these up.

Examples:
  tussock key new alice
  tussock key new savings --words --passphrase")]
    New {
        /// Name of the key
        name: String,
        /// Make it from new seed words (BIP 39), and show them
        #[arg(long)]
        words: bool,
        #[command(flatten)]
        passphrase: PassphraseFlags,
    },
    /// Make keys again from seed words, which are read from a pipe, a file or the terminal
    #[command(after_help = "\
It asks the node which keys of these words were used, up to the first 20 unused
in a row: the first becomes NAME, others NAME-1, NAME-2 and so on. Without a
node it makes the first. With --number it makes one more, used or not.

Examples:
  tussock key restore savings
  tussock key restore donations --number 1 --file words")]
    Restore {
        /// Name of the first key
        name: String,
        /// Read this file instead of standard input
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// Only the key with this number; the first is 0
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..1 << 31))]
        number: Option<u32>,
        #[command(flatten)]
        passphrase: PassphraseFlags,
    },
    /// Give a key file another passphrase, or none
    #[command(after_help = "\
--passphrase-file has the present passphrase; without it the terminal is asked.

Examples:
  tussock key passphrase alice
  tussock key passphrase alice --passphrase-file old --new-file new
  tussock key passphrase alice --none")]
    Passphrase {
        /// Name of the key
        name: String,
        /// Read the new passphrase from the first line of this file
        #[arg(long, value_name = "FILE")]
        new_file: Option<PathBuf>,
        /// Keep the key without a passphrase
        #[arg(long, conflicts_with = "new_file")]
        none: bool,
        #[command(flatten)]
        passphrase: PassphraseFlags,
    },
    /// Remove a key file; without another copy its coins are lost
    #[command(after_help = "Example:\n  tussock key remove alice --yes")]
    Remove {
        /// Name of the key
        name: String,
        /// I have a copy, or need none
        #[arg(long)]
        yes: bool,
    },
    /// Set the label of a key, which `key list` shows
    #[command(after_help = "Example:\n  tussock key label alice 'rent and food'")]
    Label {
        /// Name of the key
        name: String,
        /// One line; an empty one removes the label
        label: String,
    },
    /// Follow an address whose key is elsewhere: its coins and payments are shown, it cannot sign
    #[command(after_help = "\
Payments of it are made here with tussock tx make, and signed where the key is.

Example:
  tussock key watch savings ltus1…")]
    Watch {
        /// Name by which the address is called here
        name: String,
        /// The address
        address: String,
    },
    /// List all keys
    #[command(after_help = "Example:\n  tussock key list")]
    List {
        /// Only the names, one a line, with those of well-known keys
        #[arg(long)]
        names: bool,
    },
    /// Show a key's address and public key
    #[command(after_help = "Example:\n  tussock key show dev0")]
    Show {
        /// Name of the key
        name: String,
    },
    /// Import a key: 64 hex digits or another key file, from a pipe or a file
    #[command(
        after_help = "A key that is here already gets a second name, and the command says so.\n\nExamples:\n  tussock key import bob --file bob.secret\n  \
            tussock key export alice | tussock -d /tmp/b key import alice"
    )]
    Import {
        /// Name of the new key
        name: String,
        /// Read this file instead of standard input
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        #[command(flatten)]
        passphrase: PassphraseFlags,
    },
    /// Print a key's secret, or write it to a file with mode 0600
    #[command(after_help = "Example:\n  tussock key export alice --file alice.secret")]
    Export {
        /// Name of the key
        name: String,
        /// Write to this new file instead of standard output
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        #[command(flatten)]
        passphrase: PassphraseFlags,
    },
    /// Sign a text; prints the public key followed by the signature
    #[command(after_help = "Example:\n  tussock key sign dev0 'I was here'")]
    Sign {
        /// Name of the key
        name: String,
        /// The text; `-` reads it from standard input
        message: String,
        #[command(flatten)]
        passphrase: PassphraseFlags,
    },
    /// Check the signature of a text; exit code 5 if it is wrong
    #[command(after_help = "Example:\n  tussock key verify dev0 hello $(tussock key sign dev0 hello)")]
    Verify {
        /// The signer: an address, a public key, or the name of a key
        signer: String,
        /// The text; `-` reads it from standard input
        message: String,
        /// What `key sign` printed: 192 hex digits
        signature: String,
    },
}

/// Runs the command.
pub fn run(context: &Context, arguments: &KeyArgs) -> Outcome {
    let folder = context.folder();
    let keys = Keys::new(&folder, context.spec());
    if matches!(arguments.verb, Verb::New { .. } | Verb::Import { .. } | Verb::Restore { .. } | Verb::Watch { .. }) {
        context.check_lasting()?;
    }
    match &arguments.verb {
        Verb::New { name, words: true, passphrase } => restore::new(context, &keys, name, passphrase),
        Verb::Restore { name, file, number, passphrase } => {
            restore::restore(context, &keys, name, file.as_deref(), *number, passphrase)
        }
        Verb::Passphrase { name, new_file, none, passphrase } => {
            let new = PassphraseFlags { passphrase: true, passphrase_file: new_file.clone() };
            restore::change_passphrase(context, &keys, name, passphrase, (!none).then_some(&new))
        }
        Verb::Remove { name, yes } => restore::remove(context, &keys, name, *yes),
        Verb::New { name, words: false, passphrase } => {
            let key = SecretKey::from_seed(datadir::random_bytes::<32>()?);
            store(context, &keys, name, &key, passphrase)
        }
        Verb::Label { name, label } => {
            let file = keys.label(name, label)?;
            context.print(&facts(&file), |_| String::new())
        }
        Verb::Watch { name, address } => watch(context, &keys, name, address),
        Verb::List { names: true } => names(context, &keys),
        Verb::List { names: false } => list(context, &keys),
        Verb::Show { name } => {
            let name = keys.key_name(name)?;
            show(context, &name, &keys.find(&name)?)
        }
        Verb::Import { name, file, passphrase } => {
            let key = read_secret(file.as_deref(), passphrase)?;
            let known = keys.names_of(&key.address())?;
            store(context, &keys, name, &key, passphrase)?;
            if !known.is_empty() {
                let known = known.join(", ");
                output::note(&format!("the same key is here already: {known}; its coins are those of \"{name}\", too"));
            }
            Ok(())
        }
        Verb::Export { name, file, passphrase } => {
            let name = keys.key_name(name)?;
            let key = passphrase.unlock(&keys.find(&name)?)?;
            export(context, &name, &key, file.as_deref())
        }
        Verb::Sign { name, message, passphrase } => {
            let key = passphrase.unlock(&keys.find(&keys.key_name(name)?)?)?;
            sign(context, &key, &read_message(message)?)
        }
        Verb::Verify { signer, message, signature } => {
            verify(context, &keys, signer, &read_message(message)?, signature)
        }
    }
}

fn store(context: &Context, keys: &Keys<'_>, name: &str, key: &SecretKey, flags: &PassphraseFlags) -> Outcome {
    let file = keys.add(name, key, flags.for_new()?.as_deref())?;
    context.keep_chain_file()?;
    context.tell_if_temporary(&format!("key \"{name}\""));
    output::hint(&format!("key \"{name}\" is kept in {}", keys.path(name).display()));
    context.print(&facts(&file), |value| output::text(value, "address"))
}

fn watch(context: &Context, keys: &Keys<'_>, name: &str, address: &str) -> Outcome {
    let parsed = Address::parse(address, &context.spec().prefix);
    let address = parsed.map_err(|error| Failure::usage(format!("{address}: {error}")))?;
    let file = keys.watch(name, &address)?;
    context.keep_chain_file()?;
    context.tell_if_temporary(&format!("\"{name}\""));
    output::hint(&format!("\"{name}\" is kept in {}", keys.path(name).display()));
    context.print(&facts(&file), |value| output::text(value, "address"))
}

fn list(context: &Context, keys: &Keys<'_>) -> Outcome {
    let all = keys.read_all(keys.names()?);
    all.damaged.iter().for_each(|reason| output::note(&format!("left out: {reason}")));
    let doubled = keys.doubled(&all.files);
    if !doubled.is_empty() {
        let names = doubled.join(", ");
        output::note(&format!("taken for each other, so that payments to them must name the address: {names}"));
    }
    let list = all.files.iter().map(|(name, file)| {
        let mut facts = facts(file);
        // Commands take the file's name, which may differ from the name in the file.
        facts["name"] = json!(name);
        facts
    });
    context.print(&list.collect(), |list| {
        let mut rows = Rows::new(&["name", "~address", "encrypted", "label"]);
        for key in output::items(list) {
            let encrypted = match (key["watched"] == true, key["encrypted"] == true) {
                (true, _) => "watched",
                (false, true) => "yes",
                (false, false) => "no",
            };
            let [name, address, label] = ["name", "address", "label"].map(|field| output::text(key, field));
            rows.row([name, address, encrypted.to_owned(), label]);
        }
        let nothing = if context.spec().test { "no keys; dev0 to dev9 always work on this chain" } else { "no keys" };
        rows.text(nothing)
    })
}

/// For completions.
fn names(context: &Context, keys: &Keys<'_>) -> Outcome {
    let well_known = if context.spec().test { WELL_KNOWN_ACCOUNTS } else { 0 };
    let well_known = (0..well_known).map(|number| format!("dev{number}"));
    let names: Vec<String> = keys.names()?.into_iter().chain(well_known).collect();
    context.print(&json!(names), |_| names.join("\n"))
}

fn show(context: &Context, name: &str, named: &NamedKey) -> Outcome {
    let facts = match named {
        NamedKey::File(file) => {
            let mut facts = facts(file);
            facts["name"] = json!(name);
            facts
        }
        NamedKey::WellKnown(key) => json!({
            "name": name, "address": context.show(&key.address()), "public_key": hex(&key.public_key()),
            "encrypted": false, "well_known": true,
        }),
    };
    context.print(&facts, |facts| {
        let mut rows = ["name", "address", "public_key", "label"].map(|key| (key, output::text(facts, key))).to_vec();
        if facts["watched"] == true {
            rows.push(("watched", "its key is elsewhere".to_owned()));
        }
        output::facts(&rows)
    })
}

fn export(context: &Context, name: &str, key: &SecretKey, file: Option<&Path>) -> Outcome {
    let secret = hex(&key.seed());
    if let Some(path) = file {
        named_file::write_new(path, format!("{secret}\n").as_bytes(), 0o600)?;
        output::hint(&format!("the secret of \"{name}\" is in {}", path.display()));
        return Ok(());
    }
    let facts = json!({
        "name": name, "address": context.show(&key.address()), "public_key": hex(&key.public_key()), "secret": secret,
    });
    context.print(&facts, |facts| output::text(facts, "secret"))
}

fn sign(context: &Context, key: &SecretKey, message: &[u8]) -> Outcome {
    let signature = key.sign(&Domain::MESSAGE.hash(message));
    let public_key = hex(&key.public_key());
    let facts = json!({
        "address": context.show(&key.address()), "public_key": public_key,
        "signature": format!("{public_key}{}", hex(&signature)),
    });
    context.print(&facts, |facts| output::text(facts, "signature"))
}

fn verify(context: &Context, keys: &Keys<'_>, signer: &str, message: &[u8], signature: &str) -> Outcome {
    let form = || Failure::usage("a signature is what `tussock key sign` prints: 192 hex digits");
    let bytes: [u8; 96] = unhex(signature.trim()).and_then(|bytes| bytes.try_into().ok()).ok_or_else(form)?;
    let public_key: [u8; 32] = bytes[..32].try_into().expect("32 of 96 bytes");
    let signature: [u8; 64] = bytes[32..].try_into().expect("64 of 96 bytes");
    let expected = match unhex(signer).and_then(|key| <[u8; 32]>::try_from(key).ok()) {
        Some(key) => Address::of(&key),
        None => keys.address(signer)?,
    };
    let holds =
        Address::of(&public_key) == expected && key::verify(&public_key, &Domain::MESSAGE.hash(message), &signature);
    let facts = json!({ "valid": holds, "address": context.show(&expected) });
    context.print(&facts, |_| if holds { "valid".to_owned() } else { String::new() })?;
    match (holds, context.json) {
        (true, _) => Ok(()),
        (false, true) => Err(Failure::silent(Exit::Rejected)),
        (false, false) => {
            let signer = context.show(&expected);
            Err(Failure::new(Exit::Rejected, format!("the signature does not hold: {signer} did not sign this text")))
        }
    }
}

fn read_message(argument: &str) -> Outcome<Vec<u8>> {
    if argument != "-" {
        return Ok(argument.as_bytes().to_vec());
    }
    let mut message = Vec::new();
    let read = io::stdin().lock().take(COMMAND_INPUT_BYTES).read_to_end(&mut message);
    read.map_err(|error| Failure::new(Exit::Io, format!("cannot read standard input: {error}")))?;
    Ok(message)
}
