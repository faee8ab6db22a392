//! `chain export`, `chain import`: a chain as a stream of framed blocks, the frames of the peer protocol.
//!
//! The frames' magic identifies the chain, and their checksums detect damage. Both directions resume: an export
//! continues after the last whole block of its file, an import skips blocks that the ledger has.

mod export;
mod frames;
mod import;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{context::Context, exit::Outcome, receipts::write_headers};

/// `tussock chain`
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tussock chain export blocks.dat
  tussock chain export - -d /tmp/a | tussock chain import - -d /tmp/b")]
pub struct ChainArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand, Debug)]
enum Verb {
    /// Write all blocks to a file; also works while the node runs
    #[command(after_help = "Examples:\n  tussock chain export blocks.dat\n  tussock chain export - | gzip > blocks.gz")]
    Export {
        /// The file; an unfinished export is continued, and nothing else is written over. `-` is standard output
        file: PathBuf,
    },
    /// Write all headers to a file, with which receipts can be checked without a node
    #[command(after_help = "Example:\n  tussock chain headers headers.dat")]
    Headers {
        /// The file; one that is there must have headers of this chain. - is standard output
        file: PathBuf,
    },
    /// Verify blocks from a file and append them to the ledger; a branch with more work replaces the ledger's. The node
    /// must be stopped
    #[command(
        after_help = "Examples:\n  gunzip < blocks.gz | tussock chain import -\n  tussock chain import blocks.dat"
    )]
    Import {
        /// The file; `-` is standard input
        file: PathBuf,
    },
}

/// Runs the command.
pub fn run(context: &Context, arguments: &ChainArgs) -> Outcome {
    match &arguments.verb {
        Verb::Export { file } => export::export(context, file),
        Verb::Headers { file } => write_headers(context, file),
        Verb::Import { file } => import::import(context, file),
    }
}
