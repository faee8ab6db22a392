//! `authorities continue`: others seal from the last final block on, by the hands of all operators.

use std::{fs, path::PathBuf};

use clap::{Args, Subcommand};

use super::{
    authorities::{self, Change, public_keys},
    context::Context,
    datadir::{self, Lock},
    exit::{Exit, Failure, Outcome},
    kept_file::{self, FileLock},
    offline, output,
};
use crate::{
    base::hash::Hash,
    chain::archive::{BlockStatus, HeaderArchive as _, SealStore as _},
    config::CommonFlags,
    store::SealDb,
};

/// `tussock authorities`
#[derive(Args, Debug)]
#[command(after_help = "\
Who seals is shown and changed with tussock genesis authorities; how such chains
work: tussock help sealing.

Example:
  tussock authorities continue meadow.toml --from HASH --remove KEY2 KEY3")]
pub(super) struct AuthoritiesArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Let others seal from the last final block on, when too many authorities are lost for good
    #[command(after_help = "\
For a network whose authorities are too few for a quorum and will never be
enough again. While a quorum may come back, wait for it: this is the one thing
that can make two chains of one.

The set in the file takes over behind the block --from, the last final one, by
the hands of all operators: every node needs the same file. What it costs:
- payments behind that block are undone; nodes that knew them send them again;
- if some of the old authorities go on, or another operator continues from
  another block, there are two networks, and a coin may be spent on each;
- who trusts the chain trusts these operators at this block, and no vote.

Run it on one node, while that is stopped. Compare --from with the status of all
nodes that are left (final): name the highest. A node that holds another block
final refuses the file. Then give the file to all, and start them with it. A
node whose ledger goes on behind that block says so and does not start: its
blocks were never final. It fetches the chain again after ledger.db is moved
away; if all go on behind it, chain export and chain import with the old file
leave out the last block.

Example:
  tussock authorities continue meadow.toml --from HASH --remove KEY2 KEY3")]
    Continue(ContinueArgs),
}

#[derive(Args, Debug)]
struct ContinueArgs {
    /// The chain's file [default: the file that --chain names, or the one that the data directory keeps]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The last final block, as status shows it: its hash, or the first digits of that (at least 8)
    #[arg(long, value_name = "HASH", value_parser = digits)]
    from: String,
    /// Let the owners of these keys seal, too: public keys, names of keys or key files
    #[arg(long, value_name = "KEY", num_args = 1..)]
    add: Vec<String>,
    /// Let the owners of these keys seal no longer
    #[arg(long, value_name = "KEY", num_args = 1..)]
    remove: Vec<String>,
}

impl AuthoritiesArgs {
    /// The chain's file names the chain, unless another option does.
    pub(super) fn naming_chain(&self, common: &CommonFlags) -> CommonFlags {
        let Verb::Continue(arguments) = &self.verb;
        let file = || arguments.file.as_ref().filter(|file| file.is_file())?.to_str().map(str::to_owned);
        CommonFlags { chain: common.chain.clone().or_else(file), ..common.clone() }
    }
}

/// A hash or its first digits, as status shows them: which block that is, the node's own last final one tells.
fn digits(text: &str) -> Result<String, &'static str> {
    let digits = text.trim().trim_end_matches('…').to_ascii_lowercase();
    let is_hash = (8..=64).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash { Ok(digits) } else { Err("not a hash: 64 hex digits are needed, or the first 8 of them or more") }
}

/// Runs the command.
pub(super) fn run(context: &Context, arguments: &AuthoritiesArgs) -> Outcome {
    let Verb::Continue(arguments) = &arguments.verb;
    let file = &arguments.file.clone().unwrap_or_else(|| context.chain_path());
    let _file_lock = FileLock::acquire(file)?;
    let text = fs::read_to_string(file).map_err(|error| Failure::input(file, &error))?;
    let spec = authorities::read_file(file, &text)?;
    if spec.genesis_hash() != context.spec().genesis_hash() {
        let name = &context.spec().name;
        return Err(Failure::usage(format!("{}: not the file of chain \"{name}\"", file.display())));
    }
    let (height, block) = last_final(context, &arguments.from)?;
    let change = Change {
        from: height.saturating_add(1),
        continues: Some(block),
        add: public_keys(context, "--add", &arguments.add)?,
        remove: public_keys(context, "--remove", &authorities::in_full(&spec, &arguments.remove))?,
    };
    let edited = authorities::edit(&text, &spec, &change)?;
    kept_file::replace(file, edited.as_bytes(), 0o644)?;
    output::note(&format!(
        "all nodes need this file: with another one they go on behind block {height} as a network of their own"
    ));
    authorities::show(context, &authorities::read(&edited)?)
}

/// The last final block of this node, which must be the one that is named by its hash or first digits.
fn last_final(context: &Context, named: &str) -> Outcome<(u32, Hash)> {
    let reader = offline::reader(context)?;
    let applied = |block: &Hash| {
        let row = reader.header(block).map_err(|error| Failure::store(&context.ledger(), &error))?;
        row.filter(|row| row.status == BlockStatus::Applied).ok_or_else(|| {
            Failure::new(Exit::NotFound, format!("--from {block}: there is no such block in this node's chain"))
        })
    };
    named.parse::<Hash>().ok().map(|block| applied(&block)).transpose()?;
    // While it runs, another block may become final.
    let folder = context.folder();
    let _lock = Lock::acquire(&folder, &context.settings.flags())?;
    let path = folder.join(datadir::SEALS);
    let kept = SealDb::open(&path, context.spec()).and_then(|mut seals| seals.load());
    let record = kept.map_err(|error| Failure::store(&path, &error))?;
    match record.last_final() {
        Some(finality) if finality.statement.block.to_string().starts_with(named) => {
            let row = applied(&finality.statement.block)?;
            Ok((row.header.height, row.hash))
        }
        Some(finality) => {
            let last = finality.statement.block;
            let what = format!("--from {named}: the last final block of this node is {last}; what is final must stay");
            Err(Failure::new(Exit::Rejected, what))
        }
        None => Err(Failure::new(Exit::Rejected, format!("--from {named}: this node holds no block final"))),
    }
}
