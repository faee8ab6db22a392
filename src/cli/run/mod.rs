//! `run` and `dev`: a node in this process.

mod authorities;
pub mod delivery;
mod folder;
mod known_time;
mod launch;
mod lost_blocks;
mod notifier;
mod plan;
mod pruning;
mod seal;
mod serve;
mod vain;
mod watch;
mod watchdog;

use std::path::PathBuf;

use clap::Args;

use super::{
    context::Context,
    dev::DevCommand,
    dev_folders::TemporaryFolder,
    dev_state::DevState,
    exit::{Failure, Outcome},
    variables::BlockInterval,
};
use crate::{
    chain::spec::WELL_KNOWN_ACCOUNTS,
    config::{self, CommonFlags, NodeFlags},
};

use self::{launch::launch, plan::Plan};

/// `tussock run`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tussock run
  tussock run -d /tmp/tussock-a --listen 127.0.0.1:0 --http 127.0.0.1:0
  tussock run --chain meadow.toml --seal treasurer")]
pub struct RunArgs {
    #[command(flatten)]
    node: NodeFlags,
}

/// `tussock dev`
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
With --state, chain, mempool, keys, contacts, snapshots and clock are in one
file, which is read at the start and replaced at the stop, also by Ctrl-C. A
kill leaves it as it was. It holds keys, so only you can read it.

Examples:
  tussock dev
  tussock dev --block-time 2s --data-dir /tmp/tussock-dev
  tussock dev --state shop.state
  tussock dev snapshot"
)]
pub struct DevArgs {
    /// What a running node is to do instead
    #[command(subcommand)]
    pub order: Option<DevCommand>,
    #[command(flatten)]
    interval: BlockInterval,
    /// How many of the funded accounts to show with their keys, 1 to 10
    #[arg(long, value_name = "N", default_value_t = WELL_KNOWN_ACCOUNTS,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(WELL_KNOWN_ACCOUNTS)))]
    accounts: u32,
    /// Begin from this file if it is there, and write it when the node stops
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    #[command(flatten)]
    node: NodeFlags,
}

/// Runs `run`.
pub fn run(common: &CommonFlags, arguments: &RunArgs, json: bool) -> Outcome {
    let context = Context::for_node(common, &arguments.node, json)?;
    launch(&Plan::new(context, None, false)?)
}

/// Runs `dev`.
pub fn dev(common: &CommonFlags, arguments: &DevArgs, json: bool) -> Outcome {
    if let Some(chain) = common.chain.as_deref().filter(|chain| *chain != "dev") {
        let other = match config::variable_with("chain", chain) {
            Some(variable) => format!("unset {variable}"),
            None => "leave out --chain".to_owned(),
        };
        return Err(Failure::usage(format!("dev is a chain of its own; {other}, or use: tussock run")));
    }
    let mut common = CommonFlags { chain: Some("dev".to_owned()), ..common.clone() };
    let mut context = Context::for_node(&common, &arguments.node, json)?;
    // Before anything is made.
    let state = arguments.state.as_ref().map(|file| DevState::new(file, &context)).transpose()?;
    let temporary = if context.settings.data_dir_is_default {
        let folder = TemporaryFolder::new()?;
        common.data_dir = Some(folder.path.clone());
        context = Context::for_node(&common, &arguments.node, json)?;
        Some(folder)
    } else {
        None
    };
    // Names of keys on the command line may be those of the state.
    state.as_ref().map_or(Ok(()), |state| state.restore(&context))?;
    let mut plan = match Plan::new(context, arguments.interval.block_time, true) {
        Ok(plan) => plan,
        Err(failure) => {
            let context = Context::for_node(&common, &arguments.node, json)?;
            state.iter().for_each(|state| state.take_back(&context));
            return Err(failure);
        }
    };
    (plan.accounts, plan.temporary, plan.state) = (arguments.accounts, temporary, state);
    launch(&plan).inspect_err(|_| plan.state.iter().for_each(|state| state.take_back(&plan.context)))
}
