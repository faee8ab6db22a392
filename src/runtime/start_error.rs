//! Why a node cannot start.

use std::io;

use crate::net::ListenAddress;

/// Why a node could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The listening address cannot be had.
    #[error("cannot listen on {address}: {source}{}", hint(source))]
    Listen {
        /// The address asked for.
        address: ListenAddress,
        /// What the operating system said.
        source: io::Error,
    },
    /// The operating system refused something else.
    #[error("cannot start {what}: {source}{}", thread_hint(source))]
    System {
        /// What was to be started.
        what: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
}

/// What to do if the system refuses a thread. Stacks count for `ulimit -v`, too.
pub fn thread_hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::WouldBlock => "; raise the limit of memory or of processes (ulimit -v, ulimit -u)",
        _ => "",
    }
}

fn hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::AddrInUse => {
            "; another program, perhaps another node, uses this port: stop it, or choose another with --listen"
        }
        io::ErrorKind::PermissionDenied => "; ports below 1024 need special rights",
        _ => "",
    }
}
