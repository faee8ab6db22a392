//! Benchmarks for users' own hosts. `tests/bench/` runs them too.
//!
//! Each figure has its ceiling beside it, measured in the same run: machines differ and are noisy, but ratios hold.

pub mod apply;
pub mod ceilings;
pub mod disk;
pub mod forks;
pub mod gossip;
pub mod growth;
pub mod host;
pub mod join;
pub mod load;
mod miner;
pub mod processes;
pub mod sealed_chain;
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
    /// Sync a new node from a provider: two processes over loopback
    #[command(after_help = "Examples:\n  tussock bench sync --workload w2\n  \
            tussock bench sync --blocks 2000 --txs-per-block 50 --runs 3")]
    Sync(sync::SyncArgs),
    /// Join with a snapshot and with the whole history, in turn: new nodes and providers over loopback
    #[command(after_help = "Example:\n  tussock bench join --workload w6 --runs 5")]
    Join(join::JoinArgs),
    /// Verify and apply blocks from a file, without a network
    #[command(after_help = "Example:\n  tussock bench apply --blocks 100 --txs-per-block 200 --json")]
    Apply(apply::ApplyArgs),
    /// Measure how quickly blocks and payments spread: nodes over loopback, in a line or a mesh
    #[command(after_help = "Example:\n  tussock bench gossip --nodes 5 --topology line --json")]
    Gossip(gossip::GossipArgs),
    /// Sync several new nodes from one node at once
    #[command(after_help = "Example:\n  tussock bench serve --newcomers 8 --json")]
    Serve(host::ServeArgs),
    /// Measure the time until a node is ready
    #[command(after_help = "Example:\n  tussock bench start --blocks 2000 --runs 5")]
    Start(host::LedgerArgs),
    /// Measure memory and processor time of an idle node
    #[command(after_help = "Example:\n  tussock bench idle --seconds 30")]
    Idle(host::IdleArgs),
    /// Measure what a node writes: per transaction of a sync, per block at the tip, per idle hour
    #[command(after_help = "Example:\n  tussock bench disk --blocks 2000 --json")]
    Disk(disk::DiskArgs),
    /// Measure what storing coins costs while their number grows
    #[command(after_help = "Example:\n  tussock bench growth --coins 100000,1000000 --json")]
    Growth(growth::GrowthArgs),
    /// Measure how quickly a mempool accepts payments, over HTTP and over TCP
    #[command(after_help = "Example:\n  tussock bench mempool --json")]
    Mempool(host::MempoolArgs),
    /// Measure batched signature verification on all cores, the ceiling of all other figures
    #[command(after_help = "Example:\n  tussock bench verify --json")]
    Verify(verify::VerifyArgs),
    /// Send transactions to running nodes at a steady rate and wait for their confirmation
    #[command(after_help = "Example:\n  tussock bench load --node /tmp/tussock-cluster/node1 --tps 50 --for 10")]
    Load(load::LoadArgs),
}

/// Runs the command.
pub fn run(context: &Context, arguments: &BenchArgs) -> Outcome {
    match &arguments.bench {
        Bench::Sync(args) => sync::run(args, context.spec(), context.json),
        Bench::Join(args) => join::run(args, context.json),
        Bench::Apply(args) => apply::run(args, context.json),
        Bench::Gossip(args) => gossip::run(args, context.spec(), context.json),
        Bench::Serve(args) => host::serve(args, context.json),
        Bench::Start(args) => host::start(args, context.json),
        Bench::Idle(args) => host::idle(args, context.json),
        Bench::Disk(args) => disk::run(args, context.spec(), context.json),
        Bench::Growth(args) => growth::run(args, context.spec(), context.json),
        Bench::Mempool(args) => host::mempool(args, context.spec(), context.json),
        Bench::Verify(args) => verify::run(args, context.json),
        Bench::Load(args) => load::run(args, context.spec(), context.json),
    }
}
