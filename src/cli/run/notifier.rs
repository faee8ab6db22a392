//! `--notify`: tells a program or an HTTP server of payments, each until it was taken.
//!
//! The queue is the chain itself: a file keeps up to where events were delivered, and the next page is asked for only when all of
//! the last one were. So nothing is lost while the other side is away, and memory holds one page.

use std::{
    cell::RefCell,
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use serde_json::{Value, json};

use super::{delivery::Target, plan::Plan};
use crate::{
    base::hash::Hash,
    chain::{address::Address, spec::ChainSpec},
    cli::{datadir, exit::Outcome, output},
    rpc::{
        client::{Client, ClientError, Deadline},
        watch::cursor::Cursor,
    },
    runtime::NodeHandle,
    wallet::keys::Keys,
};

/// The first wait after a failure, and the longest.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// Seconds that a question waits for an event; then the keys are looked at again.
const QUESTION: f64 = 5.0;
/// The node's code while it takes no more of these calls.
const BUSY: i64 = -32000;
/// The node's code for a position whose block it does not have.
const NOT_FOUND: i64 = -5;
/// Time between two looks whether the node stops.
const LOOK: Duration = Duration::from_millis(100);
/// The warning of keys that are left out.
const LEFT_OUT: &str = "notify-keys";
/// Keys that it names.
const MAX_NAMED: usize = 3;
/// Addresses that are watched.
const MAX_ADDRESSES: usize = 1_000;

/// The thread that tells. It ends when it is dropped, soonest once the HTTP server has stopped.
pub(super) struct Notifier {
    stops: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

struct Worker {
    client: Client,
    target: Target,
    folder: PathBuf,
    spec: Arc<ChainSpec>,
    /// Addresses and keys; empty: all keys of the node's folder.
    whose: Vec<String>,
    node: NodeHandle,
    stops: Arc<AtomicBool>,
    /// Which keys are left out, as it was told last.
    left_out: RefCell<Vec<String>>,
}

impl Notifier {
    /// Starts, if `--notify` names somebody.
    pub(super) fn start(plan: &Plan, http: Option<SocketAddr>, node: NodeHandle) -> Option<Self> {
        let target = plan.flags().notify.as_ref()?.parse().ok()?;
        let cookie = datadir::read_cookie(&plan.folder()).ok()?;
        let stops = Arc::new(AtomicBool::new(false));
        let worker = Worker {
            client: Client::new(http?, &cookie),
            target,
            folder: plan.folder(),
            spec: Arc::clone(&plan.context.settings.spec),
            whose: plan.flags().notify_for.clone().unwrap_or_default(),
            node,
            stops: Arc::clone(&stops),
            left_out: RefCell::default(),
        };
        let thread = thread::Builder::new().name("notify".to_owned()).spawn(move || worker.run());
        Some(Self { stops, thread: thread.ok() })
    }

    /// Asks it to end.
    pub(super) fn stop(&self) {
        self.stops.store(true, SeqCst);
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            // A panic of this thread is reported by the panic hook.
            drop(thread.join());
        }
    }
}

/// Up to where payments were told; `None`: nothing was yet. What cannot be read is not taken for that.
fn read(path: &Path) -> Result<Option<String>, String> {
    let advice = |what: String| format!("{what}: {}; to go on from now, remove it", path.display());
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(advice(format!("cannot read: {error}"))),
        Ok(bytes) => match String::from_utf8_lossy(&bytes).trim().parse::<Cursor>() {
            Ok(cursor) => Ok(Some(cursor.to_string())),
            Err(()) => Err(advice("not a position in the chain".to_owned())),
        },
    }
}

impl Worker {
    fn run(&self) {
        let mut wait = FIRST_WAIT;
        while !self.is_stopping() {
            match self.turn() {
                Ok(()) => {
                    if wait > FIRST_WAIT {
                        self.node.withdraw("notify");
                    }
                    wait = FIRST_WAIT;
                }
                Err(_) if self.is_stopping() => {}
                Err(reason) => {
                    let seconds = wait.as_secs();
                    log::warn!("payment not told target={} retry_s={seconds} error=\"{reason}\"", self.target);
                    self.node.warn("notify", format!("payments are not told to {}: {reason}", self.target));
                    self.pause(wait);
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        }
    }

    /// Asks for a page and delivers it.
    fn turn(&self) -> Result<(), String> {
        let addresses = self.addresses().map_err(|failure| failure.message)?;
        let path = self.folder.join(datadir::NOTIFIED);
        let cursor = read(&path)?;
        let timeout = if cursor.is_some() { QUESTION } else { 0.0 };
        if addresses.is_empty() && cursor.is_some() {
            self.pause(FIRST_WAIT);
            return Ok(());
        }
        // Without keys, only the beginning is asked for: by a transaction that there is not.
        let nothing = addresses.is_empty().then(|| Hash::ZERO.to_string());
        let nothing: Vec<String> = nothing.into_iter().collect();
        let question =
            json!([{ "addresses": addresses, "transactions": nothing, "cursor": cursor, "timeout": timeout }]);
        let answer = match self.client.call_within("watch", question, Duration::from_secs(60)) {
            // A server that is busy or stopping answers later, or never.
            Err(ClientError::Busy(_) | ClientError::Unreachable(_) | ClientError::Refused { code: BUSY, .. }) => {
                self.pause(FIRST_WAIT);
                return Ok(());
            }
            // Nothing is left out without a word: an operator decides.
            Err(ClientError::Refused { code: NOT_FOUND, message, .. }) => {
                return Err(format!("{message}; to go on from now, remove {}", path.display()));
            }
            answer => answer.map_err(|error| error.to_string())?,
        };
        let keep = |cursor: &Value| -> Result<(), String> {
            let text = format!("{}\n", cursor.as_str().unwrap_or_default());
            datadir::write_atomically(&path, text.as_bytes(), 0o644).map_err(|failure| failure.message)
        };
        if cursor.is_none() {
            // Before anything is told: who cannot be told now is told from here later.
            keep(&answer["from"])?;
        }
        for event in output::items(&answer["events"]) {
            self.target.deliver(&event.to_string(), &|| self.is_stopping())?;
            keep(&event["cursor"])?;
        }
        // The answer says nothing of a key that was made since it was asked for: that is asked for from here.
        let is_whole = self.addresses().map_err(|failure| failure.message)? == addresses;
        let is_new = answer["cursor"].as_str() != cursor.as_deref();
        if is_whole && is_new && !addresses.is_empty() { keep(&answer["cursor"]) } else { Ok(()) }
    }

    /// The addresses that are watched. Read again each time: keys come and go.
    fn addresses(&self) -> Outcome<Vec<String>> {
        let keys = Keys::new(&self.folder, &self.spec);
        let text = |address: Address| address.to_text(&self.spec.prefix);
        if !self.whose.is_empty() {
            return self.whose.iter().take(MAX_ADDRESSES).map(|name| Ok(text(keys.address(name)?))).collect();
        }
        let all = keys.read_all(keys.names()?);
        let known = all.files.len().saturating_sub(MAX_ADDRESSES);
        let mut left_out = all.damaged;
        if known > 0 {
            left_out.push(format!("{known} keys are too many; name those that matter with --notify-for"));
        }
        self.tell_of(left_out);
        let owners = all.files.iter().filter_map(|(_, file)| file.owner(&self.spec.prefix));
        Ok(owners.take(MAX_ADDRESSES).map(text).collect())
    }

    /// Warns of keys that are left out.
    fn tell_of(&self, left_out: Vec<String>) {
        let before = self.left_out.replace(left_out.clone());
        match left_out.is_empty() {
            _ if before == left_out => {}
            true => self.node.withdraw(LEFT_OUT),
            false => {
                let more = left_out.len().saturating_sub(MAX_NAMED);
                let more = if more > 0 { format!("; and {more} more") } else { String::new() };
                let reasons = left_out.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>().join("; ");
                log::warn!("keys left out reason=\"{reasons}{more}\"");
                self.node.warn(LEFT_OUT, format!("payments to some keys are not told: {reasons}{more}"));
            }
        }
    }

    fn is_stopping(&self) -> bool {
        self.stops.load(SeqCst)
    }

    fn pause(&self, time: Duration) {
        let deadline = Deadline::after(time);
        while !self.is_stopping() && deadline.pause(LOOK) {}
    }
}
