//! `token`: credentials for other programs, with rights of their own.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    context::Context,
    datadir,
    exit::{Exit, Failure, Outcome},
    output::{self, Rows},
    units,
};
use crate::{
    base::hash::hex,
    rpc::{
        rights::Right,
        tokens::{self, Token},
    },
};

/// Bytes of a name.
const MAX_NAME: usize = 32;

/// `tussock token`
#[derive(Args, Debug)]
#[command(after_help = "\
A program sends a token as `Authorization: Bearer TOKEN`, or as HTTP Basic with
the name as the user. It stays the same over restarts. The file tokens.json has
only its hash.

Examples:
  tussock token new shop --may pay
  tussock token list")]
pub struct TokenArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Make a token and print it once
    #[command(after_help = "Example:\n  tussock token new shop --may pay")]
    New {
        /// Name of the token: a to z, 0 to 9, '-' and '_'
        name: String,
        /// What it may call: read (methods that only look), pay (also sendrawtransaction: what is signed elsewhere), spend (also
        /// pay with the keys in the node's folder that have no passphrase) or operate (all but that)
        #[arg(long, value_name = "RIGHT")]
        may: Right,
    },
    /// List the tokens, without their secrets
    #[command(after_help = "Example:\n  tussock token list --json")]
    List,
    /// Remove a token; the running node refuses it at once
    #[command(after_help = "Example:\n  tussock token remove shop")]
    Remove {
        /// Name of the token
        name: String,
    },
}

/// Runs the command.
pub fn run(context: &Context, arguments: &TokenArgs) -> Outcome {
    match &arguments.verb {
        Verb::New { name, may } => new(context, name, *may),
        Verb::List => list(context),
        Verb::Remove { name } => remove(context, name),
    }
}

fn new(context: &Context, name: &str, may: Right) -> Outcome {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(allowed) || name.starts_with('_') {
        return Err(Failure::usage(format!("{name}: a name has 1 to {MAX_NAME} letters a to z, digits, '-' and '_'")));
    }
    let mut all = read(context)?;
    if all.iter().any(|token| token.name == name) {
        return Err(Failure::usage(format!("there is a token {name}; remove it first: tussock token remove {name}")));
    }
    if all.len() >= tokens::MAX_TOKENS {
        return Err(Failure::usage(format!("{} tokens are the most", tokens::MAX_TOKENS)));
    }
    let secret = hex(&datadir::random_bytes::<32>()?);
    all.push(Token::new(name, may, &secret, units::unix_now()));
    write(context, &all)?;
    context.tell_if_temporary(&format!("token {name}"));
    context.print(&json!({ "name": name, "may": may.name(), "token": secret }), |_| secret.clone())
}

fn list(context: &Context) -> Outcome {
    let all = read(context)?;
    let facts = all.iter().map(|token| json!({ "name": token.name, "may": token.may, "created": token.created }));
    context.print(&json!(facts.collect::<Vec<_>>()), |facts| {
        let mut rows = Rows::new(&["name", "may", "made"]);
        for token in output::items(facts) {
            let made = units::utc(output::number(token, "created"));
            rows.row([output::text(token, "name"), output::text(token, "may"), made]);
        }
        rows.text("no tokens")
    })
}

fn remove(context: &Context, name: &str) -> Outcome {
    let mut all = read(context)?;
    let before = all.len();
    all.retain(|token| token.name != name);
    if all.len() == before {
        let other = all.iter().find(|token| token.name.eq_ignore_ascii_case(name));
        let problem = match other {
            Some(other) => format!("there is no token {name}, but there is {}: write it so", other.name),
            None => format!("there is no token {name}; tussock token list shows all"),
        };
        return Err(Failure::new(Exit::NotFound, problem));
    }
    write(context, &all)?;
    context.print(&json!({ "removed": name }), |_| format!("removed {name}"))
}

fn path(context: &Context) -> PathBuf {
    context.folder().join(tokens::FILE)
}

fn read(context: &Context) -> Outcome<Vec<Token>> {
    let path = path(context);
    tokens::read(&path).map_err(|problem| Failure::new(Exit::Io, format!("{}: {problem}", path.display())))
}

fn write(context: &Context, all: &[Token]) -> Outcome {
    datadir::make_private_folder(&context.folder())?;
    let text = serde_json::to_string_pretty(all).unwrap_or_default();
    datadir::write_atomically(&path(context), text.as_bytes(), 0o600)
}
