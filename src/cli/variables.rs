//! Environment variables of the node's settings, as commands see them that run no node.

use std::time::Duration;

use clap::{
    Args, Command, FromArgMatches,
    builder::Resettable,
    error::{ContextKind, ContextValue},
};

use super::{
    exit::{Failure, Outcome},
    own_stack::on_own_stack,
    units,
};
use crate::config::{NodeFlags, plainer};

/// The setting that `dev` has and `run` does not.
#[derive(Args, Debug)]
pub(super) struct BlockInterval {
    /// Make a block at this interval instead of one for each transaction
    #[arg(long, value_name = "TIME", env = "TUSSOCK_BLOCK_TIME", hide_env_values = true,
        value_parser = parse_interval)]
    pub(super) block_time: Option<Duration>,
}

fn parse_interval(text: &str) -> Result<Duration, String> {
    let time = units::parse_duration(text)?;
    if time < Duration::from_millis(10) { Err("at least 10ms".to_owned()) } else { Ok(time) }
}

/// Refuses a value that `tussock run` refuses, as a wrong value in the configuration file is refused by every command.
pub(super) fn check() -> Outcome {
    on_own_stack(check_here)
}

fn check_here() -> Outcome {
    let settings = NodeFlags::augment_args(Command::new("tussock"));
    let mut command = without_empty(BlockInterval::augment_args(settings));
    // Arguments have their names for messages only after that.
    command.build();
    let known: Vec<clap::Arg> = command.get_arguments().cloned().collect();
    let error = match command.try_get_matches_from(["tussock"]) {
        Ok(matches) => return check_values(&matches),
        Err(error) => error,
    };
    let is_wrong = |arg: &&clap::Arg| match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(name)) => *name == arg.to_string(),
        _ => false,
    };
    let variable = known.iter().find(is_wrong).and_then(|arg| arg.get_env());
    let name = variable.map_or_else(|| "TUSSOCK_…".into(), |name| name.to_string_lossy());
    let text = plainer(&error.render().to_string());
    let reason = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    Err(Failure::usage(format!("the variable {name}: {reason}")))
}

fn check_values(matches: &clap::ArgMatches) -> Outcome {
    let problem = NodeFlags::from_arg_matches(matches).ok().and_then(|flags| flags.problem());
    problem.map_or(Ok(()), |(key, problem)| {
        Err(Failure::usage(format!("the variable TUSSOCK_{}: {problem}", key.to_uppercase())))
    })
}

/// A variable that is set to nothing counts as not set.
pub(super) fn without_empty(command: Command) -> Command {
    let is_empty = |arg: &clap::Arg| arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
    let command = command.mut_args(|arg| if is_empty(&arg) { arg.env(Resettable::Reset) } else { arg });
    command.mut_subcommands(without_empty)
}
