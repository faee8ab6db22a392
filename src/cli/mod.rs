//! The commands. A file holds the arguments of one command or of a few related ones, what they do, and how they print.
//!
//! Facts go to standard output, as JSON with `--json`; remarks and errors go to standard error. An error is one line,
//! "what: where; next step", and an exit code of [`exit::TABLE`].

pub mod announce;
pub mod appender;
mod authorities;
pub mod backup;
pub mod bench;
pub mod chain;
pub mod chains;
mod completions;
pub mod contact;
pub mod context;
mod continuing;
pub mod control;
pub mod datadir;
pub mod dev;
pub mod dev_folders;
pub mod dev_state;
pub mod doctor;
pub mod events;
pub mod exit;
pub mod generate;
pub mod genesis;
pub mod grafana;
pub mod help;
pub mod inspect;
pub mod kept_file;
pub mod key;
mod key_files;
pub mod members;
mod named_file;
pub mod node_key;
pub mod notify;
pub mod offline;
pub mod output;
mod own_stack;
pub mod passphrase;
pub mod paying;
pub mod peers;
pub mod print;
pub mod progress;
pub mod propagation;
pub mod receipts;
pub mod remote;
mod restore;
pub mod run;
mod scarce;
pub mod search;
pub mod simulate;
pub mod sql;
pub mod status;
pub mod terminal;
pub mod token;
pub mod units;
mod variables;
pub mod verify;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, error::ErrorKind};

use crate::{
    base::text::one_line,
    config::{CommonFlags, plainer},
    runtime::{panics, signals},
};

use self::{
    context::Context,
    exit::{Exit, Failure, Outcome},
    own_stack::on_own_stack,
};

const EXAMPLES: &str = "\
Examples:
  tussock dev
  tussock run --mine dev0
  tussock status";

/// How this program was built belongs to its version: see `scripts/build.rs`.
const LONG_VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("TUSSOCK_BUILD"), ")");

/// A ledger network in one small binary
#[derive(Parser, Debug)]
#[command(name = "tussock", version, long_version = LONG_VERSION,
    arg_required_else_help = true, disable_help_subcommand = true,
    after_help = format!("{}\n\n{EXAMPLES}", exit::TABLE))]
struct Cli {
    #[command(flatten)]
    common: CommonFlags,
    /// Print facts as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run a node
    Run(Box<run::RunArgs>),
    /// Run a node on a test chain of its own, ready at once
    Dev(Box<run::DevArgs>),
    /// Show what the node is doing, or the data of a stopped node
    Status(status::StatusArgs),
    /// Show connected peers; add, drop and ban peers
    Peers(peers::PeersArgs),
    /// Show transactions that are not in a block yet
    Mempool(status::MempoolArgs),
    /// Show the tips of all known branches
    Tips(status::TipsArgs),
    /// Show a block
    Block(inspect::BlockArgs),
    /// Show a transaction; make, sign and submit one on different hosts
    Tx(paying::tx::TxArgs),
    /// Show how much an address owns
    Balance(inspect::BalanceArgs),
    /// Show payments to and from an address
    History(inspect::HistoryArgs),
    /// Find payments by their memos; say what a hash, height or address is
    Search(search::SearchArgs),
    /// Make, list, show, import and export keys; sign and verify
    Key(key::KeyArgs),
    /// Name the addresses of others
    Contact(contact::ContactArgs),
    /// Make, list and remove credentials for other programs
    Token(token::TokenArgs),
    /// Pay; prints the transaction's id at once
    Send(Box<paying::send::SendArgs>),
    /// Make one coin of a key's many
    Merge(paying::merge::MergeArgs),
    /// Pay a higher fee for a payment that is in no block yet
    Bump(paying::bump::BumpArgs),
    /// Take back a payment that is in no block yet
    Cancel(paying::bump::CancelArgs),
    /// Write a receipt: it shows to others that a transaction is in the chain
    Prove(receipts::prove::ProveArgs),
    /// Say what a receipt shows, of a transaction or of a file
    Check(receipts::check::CheckArgs),
    /// Have the chain say that files were there; writes a receipt beside each
    Notarise(receipts::notarise::NotariseArgs),
    /// Wait until the node is ready or synced, or has a height, peers or a transaction
    Wait(control::WaitArgs),
    /// Make blocks now (test chains only)
    Mine(control::MineArgs),
    /// List the nodes that may link; add and remove some
    Members(members::MembersArgs),
    /// Cut off and reconnect nodes (test chains only)
    Net(peers::NetArgs),
    /// Stop the node; returns when it has stopped
    Stop(control::StopArgs),
    /// Print events as they happen, as lines of JSON
    Events(events::EventsArgs),
    /// Show or change the log level of a running node
    Log(events::LogArgs),
    /// Check a stopped node's ledger
    Verify(verify::VerifyArgs),
    /// Copy ledger, peer book and keys, also while the node runs
    Backup(backup::BackupArgs),
    /// Restore a backup into an empty data directory
    Restore(backup::RestoreArgs),
    /// Free the space of abandoned branches
    Prune(backup::PruneArgs),
    /// Write a bug report without private data
    Doctor(doctor::DoctorArgs),
    /// Make a synthetic ledger, for benchmarks and tests
    Generate(generate::GenerateArgs),
    /// Make a new chain
    Genesis(genesis::GenesisArgs),
    /// Continue a chain whose authorities are lost
    Authorities(continuing::AuthoritiesArgs),
    /// Measure this host: sync, signatures, load
    Bench(bench::BenchArgs),
    /// Run a whole network in one process, from one seed
    Simulate(simulate::SimulateArgs),
    /// Write the chain to a file, or read it from one
    Chain(chain::ChainArgs),
    /// Query the ledger in SQL
    Sql(sql::SqlArgs),
    /// Print files for other tools: systemd unit, man page, completions, …
    Print(print::PrintArgs),
    /// Explain a command or a topic: files, metrics, sql, …
    Help(help::HelpArgs),
}

/// The program: reads the command line, runs the command, reports its failure.
pub fn main() -> ExitCode {
    panics::exit_on_panic();
    // Without it, a command at its file size limit ends by a signal instead of with an error. A refusal changes nothing.
    drop(signals::ignore_file_size_limit());
    let cli = match on_own_stack(parse) {
        Ok(cli) => cli,
        Err(error) => {
            // Of a wrong value, clap does not tell that it came from a variable.
            let is_value = matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue);
            return match variables::check() {
                Err(failure) if is_value => fail(&failure),
                _ => explain(&error),
            };
        }
    };
    run(&cli).map_or_else(|failure| fail(&failure), |()| ExitCode::SUCCESS)
}

fn parse() -> Result<Cli, clap::Error> {
    let matches = variables::without_empty(signed(Cli::command())).try_get_matches()?;
    Cli::from_arg_matches(&matches)
}

/// A number with a sign is a wrong number everywhere, and no unknown flag.
fn signed(command: clap::Command) -> clap::Command {
    command.allow_negative_numbers(true).mut_subcommands(signed)
}

fn fail(failure: &Failure) -> ExitCode {
    if !failure.message.is_empty() {
        output::note(&format!("error: {}", one_line(&failure.message)));
    }
    ExitCode::from(failure.exit as u8)
}

/// Prints the help that was asked for, or what is wrong with the command line.
fn explain(error: &clap::Error) -> ExitCode {
    let rendered = error.render();
    let styled = match error.use_stderr() {
        true => terminal::wants_style(&std::io::stderr()),
        false => terminal::wants_style(&std::io::stdout()),
    };
    let text = if styled { rendered.ansi().to_string() } else { rendered.to_string() };
    let text = plainer(&text);
    if error.use_stderr() {
        output::note(text.trim_end());
    } else {
        // A reader that closes the pipe does not want the rest.
        return output::line(text.trim_end()).map_or_else(|failure| fail(&failure), |()| ExitCode::SUCCESS);
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Exit::Usage as u8))
}

fn run(cli: &Cli) -> Outcome {
    let context = || Context::new(&cli.common, cli.json);
    let without_data = || Context::without_data(&cli.common, cli.json);
    match &cli.command {
        Command::Run(arguments) => run::run(&cli.common, arguments, cli.json),
        Command::Dev(arguments) => match &arguments.order {
            Some(order) => dev::run(&context()?, order),
            None => run::dev(&cli.common, arguments, cli.json),
        },
        Command::Status(arguments) => status::run(&context()?, arguments),
        Command::Peers(arguments) => peers::run(&context()?, arguments),
        Command::Mempool(arguments) => status::mempool(&context()?, arguments),
        Command::Tips(arguments) => status::tips(&context()?, arguments),
        Command::Block(arguments) => inspect::block(&context()?, arguments),
        Command::Tx(arguments) => paying::tx::run(&context()?, arguments),
        Command::Balance(arguments) => inspect::balance(&context()?, arguments),
        Command::History(arguments) => inspect::history(&context()?, arguments),
        Command::Search(arguments) => search::run(&context()?, arguments),
        Command::Contact(arguments) => contact::run(&context()?, arguments),
        Command::Key(arguments) => key::run(&context()?, arguments),
        Command::Token(arguments) => token::run(&context()?, arguments),
        Command::Send(arguments) => paying::send::run(&context()?, arguments),
        Command::Merge(arguments) => paying::merge::run(&context()?, arguments),
        Command::Bump(arguments) => paying::bump::bump(&context()?, arguments),
        Command::Cancel(arguments) => paying::bump::cancel(&context()?, arguments),
        Command::Prove(arguments) => receipts::prove::run(&context()?, arguments),
        Command::Check(arguments) => receipts::check::run(&context()?, arguments),
        Command::Notarise(arguments) => receipts::notarise::run(&context()?, arguments),
        Command::Wait(arguments) => control::wait(&context()?, arguments),
        Command::Mine(arguments) => control::mine(&context()?, arguments),
        Command::Members(arguments) => members::run(&context()?, arguments),
        Command::Net(arguments) => peers::net(&context()?, arguments),
        Command::Stop(arguments) => control::stop(&context()?, arguments),
        Command::Events(arguments) => events::run(&context()?, arguments),
        Command::Log(arguments) => events::log(&context()?, arguments),
        Command::Backup(arguments) => backup::backup(&context()?, arguments),
        Command::Restore(arguments) => backup::restore(&cli.common, arguments, cli.json),
        Command::Prune(arguments) => backup::prune(&context()?, arguments),
        Command::Doctor(arguments) => doctor::run(&context()?, arguments),
        Command::Help(arguments) => help::run(arguments, Cli::command()),
        Command::Verify(arguments) => verify::run(&context()?, arguments),
        Command::Generate(arguments) => generate::run(&context()?, arguments),
        Command::Chain(arguments) => chain::run(&context()?, arguments),
        Command::Authorities(arguments) => {
            let common = arguments.naming_chain(&cli.common);
            continuing::run(&Context::new(&common, cli.json)?, arguments)
        }
        Command::Genesis(arguments) => genesis::run(&without_data()?, arguments),
        Command::Sql(arguments) => sql::run(&context()?, arguments),
        Command::Bench(arguments) => bench::run(&without_data()?, arguments),
        Command::Print(arguments) => print::run(arguments, Cli::command()),
        Command::Simulate(arguments) => match simulate::run(arguments, cli.json)? {
            ExitCode::SUCCESS => Ok(()),
            // It has printed what failed.
            _ => Err(Failure::silent(Exit::Internal)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_s_help_ends_with_an_example_that_can_be_copied_from_80_columns() {
        fn check(command: &clap::Command) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples = help.split_once("Example").map_or("", |(_, rest)| rest);
            assert!(examples.contains("\n  tussock"), "{}: {help:?}", command.get_name());
            let too_long = help.lines().find(|line| line.chars().count() > 80);
            assert_eq!(too_long, None, "{} would be wrapped", command.get_name());
            command.get_subcommands().for_each(check);
        }
        Cli::command().debug_assert();
        check(&Cli::command());
    }

    #[test]
    fn common_flags_work_before_and_after_the_command() {
        for line in ["tussock -d /x --json status", "tussock status -d /x --json"] {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            assert_eq!((cli.json, cli.common.data_dir), (true, Some("/x".into())), "{line}");
        }
        let cli = Cli::try_parse_from(["tussock", "wait", "height", "5", "--timeout", "2s"]).unwrap();
        assert!(matches!(cli.command, Command::Wait(_)));
    }
}
