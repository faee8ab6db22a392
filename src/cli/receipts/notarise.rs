//! `notarise`: has the chain say that files were there, and writes a receipt beside each.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use serde_json::{Value, json};

use super::{check, prove, sha256};
use crate::{
    base::hash::Hash,
    chain::receipt::{self, FileProof},
    cli::{
        context::Context,
        control::{first_hindrance, tx_condition, undone},
        datadir,
        exit::{Exit, Failure, Outcome},
        output,
        passphrase::PassphraseFlags,
        paying::payer::Payer,
        remote::Remote,
        units,
    },
    rpc::client::Deadline,
    wallet::building::{Fee, Plan, Spend},
};

/// Files of one transaction at most.
const MAX_FILES: usize = 100_000;
/// Blocks, its own included, after which a receipt is written on a chain of proof of work.
const DEEP: u32 = 6;

/// `tussock notarise`
#[derive(Args, Debug)]
#[command(after_help = "\
The chain learns one hash, however many files there are, and nothing of their
content. It costs a transaction's fee. Keep file and receipt together: the
receipt says for how long the file has been as it is.

Examples:
  tussock notarise contract.pdf
  tussock notarise photos/*.jpg --from camera
  tussock check contract.pdf --chain meadow.toml")]
pub struct NotariseArgs {
    /// The files; each gets a receipt beside it, FILE.receipt.json
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The key that pays the fee [default: the only key; on test chains without keys dev0]
    #[arg(long, value_name = "KEY")]
    from: Option<String>,
    /// On chains of proof of work: how deep the block must be before the receipts are written [default: 6]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    confirmations: Option<u32>,
    /// Do not pay again: this transaction has the files' hash already
    #[arg(long, value_name = "TX")]
    tx: Option<String>,
    /// How long to wait: seconds, or a number with ms, s, m or h
    #[arg(long, value_name = "S", default_value = "1h", value_parser = units::parse_duration)]
    timeout: Duration,
    #[command(flatten)]
    passphrase: PassphraseFlags,
}

/// Runs `notarise`.
pub fn run(context: &Context, arguments: &NotariseArgs) -> Outcome {
    let hashes = hashes(context, arguments)?;
    let deadline = Deadline::after(arguments.timeout);
    let remote = context.remote()?.until(deadline);
    let txid = match &arguments.tx {
        Some(txid) => txid.clone(),
        None => pay(context, arguments, &receipt::files_memo(&hashes), deadline)?,
    };
    await_standing(context, arguments, &remote, &txid, deadline)?;
    let mut receipt = prove::fetch(context, &remote, &txid, None)?;
    let proven = receipt.check(context.spec()).map_err(|fault| Failure::new(Exit::Internal, fault.to_string()))?;
    for (file, path) in FileProof::of_all(&hashes).zip(&arguments.files) {
        if !file.is_in(&proven.transaction.transaction.memo) {
            let problem = "this transaction's memo is not about these files, all of them in this order";
            return Err(Failure::usage(format!("{problem}: {txid}")));
        }
        receipt.file = Some(file);
        let text = prove::text(&receipt)?;
        datadir::write_atomically(&check::beside(path), format!("{text}\n").as_bytes(), 0o644)?;
    }
    let receipts: Vec<String> = arguments.files.iter().map(|path| check::beside(path).display().to_string()).collect();
    let (height, time) = (proven.header.0.height, proven.there_by().time);
    let facts = json!({ "txid": proven.transaction.txid, "height": height, "time": time, "receipts": receipts });
    context.print(&facts, |facts| {
        let names = output::items(&facts["receipts"]).iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n");
        format!("{names}\nin block {height}, there by {}", units::utc(time))
    })
}

/// The files' hashes. Refuses files that have a receipt: that may be older, and worth more. But for those of the transaction that
/// was named: not all may have been written before a break.
fn hashes(context: &Context, NotariseArgs { files, tx, .. }: &NotariseArgs) -> Outcome<Vec<Hash>> {
    if files.len() > MAX_FILES {
        return Err(Failure::usage(format!("{} files; at most {MAX_FILES} go into one transaction", files.len())));
    }
    for path in files {
        let beside = check::beside(path);
        if beside.exists() {
            let receipt = tx.as_ref().map_or(Ok(None), |_| check::read_receipt(&beside))?;
            let of =
                receipt.and_then(|receipt| receipt.check(context.spec()).ok()).map(|proven| proven.transaction.txid);
            if of.is_some_and(|of| tx.as_ref().is_some_and(|tx| of.to_string().starts_with(tx.as_str()))) {
                continue;
            }
            let advice = "look at it with tussock check FILE, or move it away";
            return Err(Failure::usage(format!("there is a receipt already: {}; {advice}", beside.display())));
        }
        may_write(&beside)?;
    }
    files.iter().map(|path| sha256::of_file(path)).collect()
}

/// Finds out before anything is paid. Whatever ends the program meanwhile, nothing stands there that looks like a receipt.
fn may_write(path: &Path) -> Outcome {
    datadir::check_beside(path).map_err(|error| Failure::io("cannot write", path, &error))
}

fn pay(context: &Context, arguments: &NotariseArgs, memo: &str, deadline: Deadline) -> Outcome<String> {
    let payer = Payer::new(context, arguments.from.as_deref(), &arguments.passphrase, deadline)?;
    // All goes back to the payer in one output: no coin is left behind that nobody wants.
    let (memo, outputs) = (memo.as_bytes().to_vec(), Vec::new());
    let sent = payer.submit(Plan { outputs, rest: None, fee: Fee::Estimate(0), spend: Spend::Enough, memo }, false)?;
    output::note(&format!("sent {}", sent.txid));
    Ok(sent.txid)
}

/// Waits until the transaction's block is final, or deep enough.
fn await_standing(
    context: &Context,
    arguments: &NotariseArgs,
    remote: &Remote,
    txid: &str,
    deadline: Deadline,
) -> Outcome {
    let spec = context.spec();
    // Where each payment makes a block and nothing else does, no other follows.
    let deep = arguments.confirmations.unwrap_or(if spec.instant { 1 } else { DEEP });
    let condition = match spec.seal_rules().needs_certificate() {
        true => json!({ "kind": "final", "value": txid }),
        false => tx_condition(txid, deep).0,
    };
    match remote.wait(&condition, deadline)? {
        Ok(_) => Ok(()),
        Err(facts) => Err(undone(&facts).unwrap_or_else(|| {
            let advice = format!("to go on waiting, run the command again with --tx {txid}");
            let why = first_hindrance(remote).map_or_else(String::new, |text| format!(" ({text})"));
            let seconds = arguments.timeout.as_secs_f64();
            Failure::new(Exit::TimedOut, format!("not deep or final within {seconds} s: {txid}{why}; {advice}"))
        })),
    }
}
