//! `events --address --tx`: what happens to payments, from a position that is kept in a file.

use std::{
    fs,
    io::{self, Read as _},
    path::PathBuf,
    time::Duration,
};

use clap::{ArgGroup, Args};
use serde_json::{Value, json};

use crate::{
    cli::{
        context::Context,
        exit::{Exit, Failure, Outcome},
        kept_file, output,
        remote::{RPC_WAIT_SLICE, Remote},
    },
    rpc::{client::Deadline, watch::cursor::Cursor},
    wallet::keys::Keys,
};

/// Time between two looks for a node that is away.
const PAUSE: Duration = Duration::from_millis(300);
/// Bytes of a file with a position.
const MAX_CURSOR_BYTES: u64 = 4096;

/// Which payments to tell of.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("whose").args(["addresses", "transactions"]).multiple(true))]
pub(super) struct WatchedFlags {
    /// Tell of payments to and from this address or key; can be repeated
    #[arg(long = "address", value_name = "ADDRESS|KEY")]
    addresses: Vec<String>,
    /// Tell of this transaction; can be repeated
    #[arg(long = "tx", value_name = "ID")]
    transactions: Vec<String>,
    /// Go on from the position in this file, and keep it there after each line
    #[arg(long, value_name = "FILE", requires = "whose")]
    cursor: Option<PathBuf>,
    /// Blocks that make a payment confirmed [default: 1]
    #[arg(long, value_name = "N", requires = "whose")]
    confirmations: Option<u32>,
    /// Blocks that make it final, where no authorities do [default: never]
    #[arg(long = "final", value_name = "N", requires = "whose")]
    last_final: Option<u32>,
    /// Without a position: begin with the blocks above this height instead of now
    #[arg(long, value_name = "HEIGHT", requires = "whose")]
    above: Option<u32>,
}

impl WatchedFlags {
    /// Whether payments are asked for.
    pub(super) fn is_given(&self) -> bool {
        !self.addresses.is_empty() || !self.transactions.is_empty()
    }

    fn question(&self, context: &Context) -> Outcome<Value> {
        let (folder, prefix) = (context.folder(), &context.spec().prefix);
        let keys = Keys::new(&folder, context.spec());
        let text = |name: &String| Ok(keys.address(name)?.to_text(prefix));
        Ok(json!({
            "addresses": self.addresses.iter().map(text).collect::<Outcome<Vec<String>>>()?,
            "transactions": self.transactions,
            "confirmations": self.confirmations,
            "final": self.last_final,
            "above": self.above,
        }))
    }

    fn read_cursor(&self) -> Outcome<Option<String>> {
        let Some(path) = &self.cursor else { return Ok(None) };
        let failed = |error: io::Error| Failure::io("cannot read", path, &error);
        let size = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            about => about.map_err(failed)?.len(),
        };
        let strange = || {
            let advice = "name another file, or remove it to begin now";
            Failure::usage(format!("not a position that events wrote: {}; {advice}", path.display()))
        };
        let mut bytes = Vec::new();
        // A device has no size, and no end.
        let file = fs::File::open(path).map_err(failed)?;
        file.take(MAX_CURSOR_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        if size > MAX_CURSOR_BYTES || bytes.len() as u64 > MAX_CURSOR_BYTES {
            return Err(strange());
        }
        let text = String::from_utf8_lossy(&bytes).trim().to_owned();
        match text.parse::<Cursor>() {
            _ if text.is_empty() => Ok(None),
            Ok(_) => Ok(Some(text)),
            Err(()) => Err(strange()),
        }
    }

    fn keep_cursor(&self, cursor: &str) -> Outcome {
        match &self.cursor {
            Some(path) => kept_file::replace(path, format!("{cursor}\n").as_bytes(), 0o644),
            None => Ok(()),
        }
    }
}

/// Waits until a node runs on the folder again.
fn found_again(context: &Context, mut failure: Failure, deadline: Deadline) -> Outcome<Remote> {
    output::note(&format!("{}; waiting for it", failure.message));
    while deadline.pause(PAUSE) {
        match context.remote() {
            Err(again) if again.exit == Exit::Unreachable => failure = again,
            found => return found,
        }
    }
    Err(failure)
}

/// Prints each event as a line of JSON.
pub(super) fn run(context: &Context, mut remote: Remote, flags: &WatchedFlags, deadline: Deadline) -> Outcome {
    let mut question = flags.question(context)?;
    let mut cursor = flags.read_cursor()?;
    loop {
        // The first answer comes at once, so that the position is kept from the start.
        let slice = if cursor.is_none() { Duration::ZERO } else { deadline.left().min(RPC_WAIT_SLICE) };
        question["cursor"] = json!(cursor);
        question["timeout"] = json!(slice.as_secs_f64());
        let answer = match remote.call_within("watch", json!([question]), slice + Duration::from_secs(40)) {
            // With a position that is kept, a node that is away for a while is no reason to end.
            Err(failure) if failure.exit == Exit::Unreachable && flags.cursor.is_some() => {
                remote = found_again(context, failure, deadline)?;
                continue;
            }
            answer => answer?,
        };
        if let (None, Some(from)) = (&cursor, answer["from"].as_str()) {
            flags.keep_cursor(from)?;
        }
        for event in output::items(&answer["events"]) {
            output::line(&event.to_string())?;
            if let Some(behind) = event["cursor"].as_str() {
                flags.keep_cursor(behind)?;
            }
        }
        let next = answer["cursor"].as_str().map(str::to_owned);
        if next != cursor
            && let Some(next) = &next
        {
            flags.keep_cursor(next)?;
        }
        cursor = next;
        if deadline.left().is_zero() && answer["more"] != json!(true) {
            return Ok(());
        }
    }
}
