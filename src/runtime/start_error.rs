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

/// What to do if the system refuses a thread or a file. Stacks count for `ulimit -v`, too.
pub fn thread_hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::WouldBlock => "; raise the limit of memory or of processes (ulimit -v, ulimit -u)",
        _ if rustix::io::Errno::from_io_error(source) == Some(rustix::io::Errno::MFILE) => {
            "; raise the limit of open files to 64 or more (ulimit -n)"
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_is_too_low_is_named() {
        let told = |number| {
            let source = io::Error::from_raw_os_error(number);
            StartError::System { what: "signal handling", source }.to_string()
        };
        assert!(told(24).ends_with("; raise the limit of open files to 64 or more (ulimit -n)"), "{}", told(24));
        assert!(told(11).contains("ulimit -u") && !told(5).contains("ulimit"));
    }
}
