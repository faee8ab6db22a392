//! Benchmarks that users can run on their own host. `tests/bench/` runs the same ones.
//!
//! Each figure stands beside its ceiling, measured in the same run: machines differ and are noisy, ratios hold.

pub mod apply;
pub mod ceilings;
pub mod forks;
pub mod gossip;
pub mod host;
pub mod load;
pub mod processes;
pub mod statistics;
pub mod sync;
pub mod verify;

use clap::{Args, Subcommand};

use super::{context::Context, exit::Outcome};

/// `tussock bench …`
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  tussock bench verify")]
pub struct BenchArgs {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// A newcomer syncs from a provider: two processes over loopback
    #[command(
        after_help = "Examples:\n  tussock bench sync --workload w2\n  tussock bench sync --blocks 2000 --txs-per-block 50 --runs 3 --json"
    )]
    Sync(sync::SyncArgs),
    /// Verify and apply blocks that are at hand, without a network
    #[command(after_help = "Example:\n  tussock bench apply --blocks 100 --txs-per-block 200 --json")]
    Apply(apply::ApplyArgs),
    /// How quickly blocks and payments spread: real nodes over loopback, in a line or a mesh
    #[command(after_help = "Example:\n  tussock bench gossip --nodes 5 --topology line --json")]
    Gossip(gossip::GossipArgs),
    /// One node feeds several newcomers at once
    #[command(after_help = "Example:\n  tussock bench serve --newcomers 8 --json")]
    Serve(host::ServeArgs),
    /// How long a node needs to be ready
    #[command(after_help = "Example:\n  tussock bench start --blocks 2000 --runs 5")]
    Start(host::LedgerArgs),
    /// What a node costs that has nothing to do
    #[command(after_help = "Example:\n  tussock bench idle --seconds 30")]
    Idle(host::IdleArgs),
    /// How quickly a mempool takes payments, over HTTP and over TCP
    #[command(after_help = "Example:\n  tussock bench mempool --json")]
    Mempool(host::MempoolArgs),
    /// Batched signature verification on all cores: the ceiling of everything else
    #[command(after_help = "Example:\n  tussock bench verify --json")]
    Verify(verify::VerifyArgs),
    /// Send transactions to running nodes at a steady rate and see them confirmed
    #[command(after_help = "Example:\n  tussock bench load --node /tmp/tussock-cluster/node1 --tps 50 --for 10")]
    Load(load::LoadArgs),
}

/// Runs the command.
pub fn run(context: &Context, arguments: &BenchArgs) -> Outcome {
    match &arguments.bench {
        Bench::Sync(args) => sync::run(args, context.spec(), context.json),
        Bench::Apply(args) => apply::run(args, context.json),
        Bench::Gossip(args) => gossip::run(args, context.spec(), context.json),
        Bench::Serve(args) => host::serve(args, context.json),
        Bench::Start(args) => host::start(args, context.json),
        Bench::Idle(args) => host::idle(args, context.json),
        Bench::Mempool(args) => host::mempool(args, context.spec(), context.json),
        Bench::Verify(args) => verify::run(args, context.json),
        Bench::Load(args) => load::run(args, context.spec(), context.json),
    }
}
