//! The commands. One file each, or one for a few that belong together: its arguments, what it does, how it prints.
//!
//! Facts go to standard output, as JSON with `--json`; remarks and errors go to standard error. An error is one line,
//! "what: where; next step", and an exit code of [`exit::TABLE`].

pub mod announce;
pub mod appender;
pub mod backup;
pub mod bench;
pub mod chain;
pub mod context;
pub mod control;
pub mod datadir;
pub mod doctor;
pub mod events;
pub mod exit;
pub mod generate;
pub mod genesis;
pub mod grafana;
pub mod help;
pub mod inspect;
pub mod key;
pub mod keys;
pub mod notify;
pub mod offline;
pub mod output;
pub mod peers;
pub mod print;
pub mod progress;
pub mod remote;
pub mod run;
pub mod send;
pub mod simulate;
pub mod sql;
pub mod status;
pub mod units;
pub mod verify;

use std::{io::IsTerminal, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand};

use crate::{
    config::{CommonFlags, NodeFlags},
    runtime::panics,
};

use self::{
    context::Context,
    exit::{Exit, Failure, Outcome},
};

const EXAMPLES: &str = "\
Examples:
  tussock dev                    a chain to play with, ready at once
  tussock run --mine dev0        a node on the local chain that mines
  tussock status                 what it is doing";

/// A ledger network in one small binary
#[derive(Parser, Debug)]
#[command(name = "tussock", version, arg_required_else_help = true, disable_help_subcommand = true,
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
    /// Run a node on a chain of its own, to play with
    Dev(Box<run::DevArgs>),
    /// What the node is and does; also reads a stopped node's data
    Status(status::StatusArgs),
    /// Connected peers, and control over them
    Peers(peers::PeersArgs),
    /// Transactions that wait for a block
    Mempool(status::MempoolArgs),
    /// The ends of all known branches
    Tips(status::TipsArgs),
    /// Show a block
    Block(inspect::BlockArgs),
    /// Show a transaction
    Tx(inspect::TxArgs),
    /// What an address owns
    Balance(inspect::BalanceArgs),
    /// What was paid to and from an address
    History(inspect::HistoryArgs),
    /// Keys: make, list, show, import, export, sign, verify
    Key(key::KeyArgs),
    /// Pay; prints the transaction's id at once
    Send(send::SendArgs),
    /// Wait until something is so
    Wait(control::WaitArgs),
    /// Make blocks now (test chains)
    Mine(control::MineArgs),
    /// Cut off and reconnect nodes (test chains)
    Net(peers::NetArgs),
    /// Stop the node; returns when it has stopped
    Stop(control::StopArgs),
    /// What happens, as it happens, as lines of JSON
    Events(events::EventsArgs),
    /// What is logged; change it while the node runs
    Log(events::LogArgs),
    /// Check a stopped node's ledger
    Verify(verify::VerifyArgs),
    /// Copy ledger, peer book and keys, also while the node runs
    Backup(backup::BackupArgs),
    /// Put a backup into an empty data directory
    Restore(backup::RestoreArgs),
    /// Give back the space of abandoned branches
    Prune(backup::PruneArgs),
    /// Write one file for a bug report, without what is private
    Doctor(doctor::DoctorArgs),
    /// Make a synthetic ledger, for benchmarks and tests
    Generate(generate::GenerateArgs),
    /// Make a new chain
    Genesis(genesis::GenesisArgs),
    /// Measure this host: sync, signatures, load
    Bench(bench::BenchArgs),
    /// Run a whole network in one process, from one seed
    Simulate(simulate::SimulateArgs),
    /// Write the chain to a file, or read it from one
    Chain(chain::ChainArgs),
    /// Ask the ledger in SQL
    Sql(sql::SqlArgs),
    /// Print files that other tools want
    Print(print::PrintArgs),
    /// What a command does, or a page about a subject: files, metrics, sql, …
    Help(help::HelpArgs),
}

/// The program: reads the command line, runs the command, reports its failure.
pub fn main() -> ExitCode {
    panics::exit_on_panic();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return explain(&error),
    };
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.message.is_empty() {
                output::note(&format!("error: {}", failure.message));
            }
            ExitCode::from(failure.exit as u8)
        }
    }
}

/// Prints what is wrong with the command line, or the help that was asked for; what the standard library says of numbers
/// and addresses in words that help.
fn explain(error: &clap::Error) -> ExitCode {
    let styled = error.render();
    let text = if std::io::stderr().is_terminal() { styled.ansi().to_string() } else { styled.to_string() };
    let text = text
        .replace("invalid digit found in string", "a whole number is needed")
        .replace("cannot parse integer from empty string", "a whole number is needed")
        .replace("number too large to fit in target type", "the number is too large")
        .replace("invalid socket address syntax", "IP:PORT is needed, such as 127.0.0.1:4130");
    if error.use_stderr() {
        output::note(text.trim_end());
    } else {
        // A closed pipe has seen enough.
        drop(output::line(text.trim_end()));
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Exit::Usage as u8))
}

fn run(cli: &Cli) -> Outcome {
    let client = || Context::for_client(&cli.common, cli.json);
    let here = || Context::new(&cli.common, &NodeFlags::default(), cli.json);
    match &cli.command {
        Command::Run(arguments) => run::run(&cli.common, arguments, cli.json),
        Command::Dev(arguments) => run::dev(&cli.common, arguments, cli.json),
        Command::Status(arguments) => status::run(&client()?, arguments),
        Command::Peers(arguments) => peers::run(&client()?, arguments),
        Command::Mempool(arguments) => status::mempool(&client()?, arguments),
        Command::Tips(arguments) => status::tips(&client()?, arguments),
        Command::Block(arguments) => inspect::block(&client()?, arguments),
        Command::Tx(arguments) => inspect::tx(&client()?, arguments),
        Command::Balance(arguments) => inspect::balance(&client()?, arguments),
        Command::History(arguments) => inspect::history(&client()?, arguments),
        Command::Key(arguments) => key::run(&here()?, arguments),
        Command::Send(arguments) => send::run(&client()?, arguments),
        Command::Wait(arguments) => control::wait(&client()?, arguments),
        Command::Mine(arguments) => control::mine(&client()?, arguments),
        Command::Net(arguments) => peers::net(&client()?, arguments),
        Command::Stop(arguments) => control::stop(&client()?, arguments),
        Command::Events(arguments) => events::run(&client()?, arguments),
        Command::Log(arguments) => events::log(&client()?, arguments),
        Command::Backup(arguments) => backup::backup(&client()?, arguments),
        Command::Restore(arguments) => backup::restore(&here()?, arguments),
        Command::Prune(arguments) => backup::prune(&here()?, arguments),
        Command::Doctor(arguments) => doctor::run(&client()?, arguments),
        Command::Help(arguments) => help::run(arguments, Cli::command()),
        Command::Verify(arguments) => verify::run(&here()?, arguments),
        Command::Generate(arguments) => generate::run(&here()?, arguments),
        Command::Chain(arguments) => chain::run(&here()?, arguments),
        Command::Genesis(arguments) => genesis::run(&here()?, arguments),
        Command::Sql(arguments) => sql::run(&here()?, arguments),
        Command::Bench(arguments) => bench::run(&here()?, arguments),
        Command::Print(arguments) => print::run(arguments, Cli::command()),
        Command::Simulate(arguments) => match simulate::run(arguments, cli.json) {
            ExitCode::SUCCESS => Ok(()),
            // It has said what failed.
            _ => Err(Failure::silent(Exit::Internal)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_s_help_ends_with_a_runnable_example() {
        fn check(command: &clap::Command) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let last = help.lines().last().unwrap_or_default();
            assert!(last.trim_start().starts_with("tussock"), "{}: {help:?}", command.get_name());
            command.get_subcommands().for_each(check);
        }
        Cli::command().debug_assert();
        check(&Cli::command());
    }

    #[test]
    fn common_flags_may_stand_before_and_after_the_command() {
        for line in ["tussock -d /x --json status", "tussock status -d /x --json"] {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            assert_eq!((cli.json, cli.common.data_dir), (true, Some("/x".into())), "{line}");
        }
        let cli = Cli::try_parse_from(["tussock", "wait", "height", "5", "--timeout", "2s"]).unwrap();
        assert!(matches!(cli.command, Command::Wait(_)));
    }
}
