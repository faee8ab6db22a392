//! Names of peers that do not resolve when the node starts. They are tried again while it runs.

use std::{
    collections::BTreeSet,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread,
    time::Duration,
};

use crate::{cli::peers, node::command::PeersCommand, runtime::NodeHandle};

/// The first pause between two attempts; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The key of the warning in the node's status.
const WARNING: &str = "names";

/// Resolves names until dropped, and lets the node dial what they stand for.
pub(super) struct Resolver {
    _stop: Sender<()>,
}

impl Resolver {
    /// Starts, if there are names.
    pub(super) fn start(node: NodeHandle, names: &[String]) -> Option<Self> {
        if names.is_empty() {
            return None;
        }
        let mut names: BTreeSet<String> = names.iter().cloned().collect();
        let (stop, stopped) = mpsc::channel();
        let run = move || {
            let mut pause = FIRST_PAUSE;
            while !names.is_empty() {
                let list: Vec<&str> = names.iter().map(String::as_str).collect();
                node.warn(WARNING, format!("names that do not resolve: {}", list.join(", ")));
                if stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
                names.retain(|name| !dial(&node, name));
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            node.withdraw(WARNING);
        };
        // Not joined: the system may take long over a name. Without a thread the warning is missing and nothing else.
        drop(thread::Builder::new().name("names".to_owned()).stack_size(128 * 1024).spawn(run));
        Some(Self { _stop: stop })
    }
}

/// Lets the node dial a name; false if it does not resolve.
fn dial(node: &NodeHandle, name: &str) -> bool {
    let Ok(address) = peers::address(name) else { return false };
    log::info!("name resolved name={name} address={address}");
    node.ask(PeersCommand::AddPeer(address));
    true
}
