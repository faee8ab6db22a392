//! The process's signals: the first SIGINT, SIGTERM or SIGHUP stops the node in order, a later one ends the process. What
//! comes right after the first is the same request: `timeout` of coreutils signals its child and then the child's group.
//! SIGUSR1 reopens the log file.

use std::{
    fs, io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use crossbeam_channel::after;
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGXFSZ},
    flag,
    iterator::{Handle, Signals},
};

use super::logging;

/// The exit code after a second signal.
const SECOND_SIGNAL_EXIT: i32 = 130;
/// For how long after the first signal others are the same request.
const SAME_REQUEST: Duration = Duration::from_secs(1);
/// The thread only waits and passes a number on.
const STACK_BYTES: usize = 64 * 1024;

/// Listens for signals until dropped. One per process.
pub(super) struct SignalWatch {
    handle: Handle,
    thread: Option<thread::JoinHandle<()>>,
}

/// Calls `stop` at the first SIGINT, SIGTERM or SIGHUP; at one that comes later than `SAME_REQUEST` the process ends with
/// code 130 from within the handler, whatever its threads are stuck in. SIGHUP stays ignored under `nohup`.
pub(super) fn watch(stop: impl Fn(i32) + Send + 'static) -> io::Result<SignalWatch> {
    let armed = Arc::new(AtomicBool::new(false));
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let hangup = (!ignores(&status, SIGHUP)).then_some(SIGHUP);
    let stops: Vec<i32> = [SIGINT, SIGTERM].into_iter().chain(hangup).collect();
    for signal in stops.iter().copied() {
        flag::register_conditional_shutdown(signal, SECOND_SIGNAL_EXIT, Arc::clone(&armed))?;
    }
    ignore_file_size_limit()?;
    let mut signals = Signals::new(stops.iter().chain([&SIGUSR1]))?;
    let handle = signals.handle();
    let run = move || {
        let mut stopping = false;
        signals.forever().for_each(|signal| match signal {
            SIGUSR1 => logging::reopen(),
            _ if stopping => {}
            signal => {
                stopping = true;
                drop(arm(&armed, SAME_REQUEST));
                stop(signal);
            }
        });
    };
    let thread = thread::Builder::new().name("signals".to_owned()).stack_size(STACK_BYTES).spawn(run)?;
    Ok(SignalWatch { handle, thread: Some(thread) })
}

/// Sets the flag after this time, from a thread that nobody needs to wait for; at once if the system refuses one.
fn arm(armed: &Arc<AtomicBool>, time: Duration) -> Option<thread::JoinHandle<()>> {
    let later = Arc::clone(armed);
    let run = move || {
        let _ = after(time).recv();
        later.store(true, SeqCst);
    };
    let builder = thread::Builder::new().name("second signal".to_owned()).stack_size(STACK_BYTES);
    let thread = builder.spawn(run).ok();
    if thread.is_none() {
        armed.store(true, SeqCst);
    }
    thread
}

/// Whether a process with this `/proc/self/status` ignores a signal.
fn ignores(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// With a file size limit (`ulimit -f`) a write that exceeds it would end the process by SIGXFSZ. With a handler it
/// fails with "file too large" instead, and the node stops in order. (Rust programs ignore SIGPIPE from the start.)
pub fn ignore_file_size_limit() -> io::Result<()> {
    flag::register(SIGXFSZ, Arc::default()).map(drop)
}

impl Drop for SignalWatch {
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_signal_is_found_in_the_mask() {
        let status = "Name:\tx\nSigIgn:\t0000000000001001\nSigCgt:\t0\n";
        assert!(ignores(status, SIGHUP) && !ignores(status, SIGTERM) && !ignores("", SIGHUP));
    }

    /// The handlers end the process only while the flag is set.
    #[test]
    fn a_second_signal_counts_only_after_a_while() {
        let armed = Arc::new(AtomicBool::new(false));
        drop(arm(&armed, Duration::from_secs(3600)));
        assert!(!armed.load(SeqCst));
        arm(&armed, Duration::ZERO).unwrap().join().unwrap();
        assert!(armed.load(SeqCst));
    }
}
