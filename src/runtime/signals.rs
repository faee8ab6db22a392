//! The process's signals: the first SIGINT or SIGTERM stops the node in order, the second ends the process.

use std::{
    io,
    sync::{Arc, atomic::AtomicBool},
    thread,
};

use signal_hook::{
    consts::{SIGINT, SIGTERM, SIGXFSZ},
    flag,
    iterator::{Handle, Signals},
};

/// The exit code after a second signal.
const SECOND_SIGNAL_EXIT: i32 = 130;
/// The thread only waits and passes a number on.
const STACK_BYTES: usize = 64 * 1024;

/// Listens for signals until dropped. One per process.
pub(super) struct SignalWatch {
    handle: Handle,
    thread: Option<thread::JoinHandle<()>>,
}

/// Calls `stop` at the first SIGINT or SIGTERM; at the second the process ends with code 130 from within the handler,
/// whatever its threads are stuck in.
pub(super) fn watch(stop: impl Fn(i32) + Send + 'static) -> io::Result<SignalWatch> {
    let seen = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds the flag unset and sets it, the second finds it set.
        flag::register_conditional_shutdown(signal, SECOND_SIGNAL_EXIT, Arc::clone(&seen))?;
        flag::register(signal, Arc::clone(&seen))?;
    }
    ignore_file_size_limit()?;
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let handle = signals.handle();
    let run = move || signals.forever().for_each(stop);
    let thread = thread::Builder::new().name("signals".to_owned()).stack_size(STACK_BYTES).spawn(run)?;
    Ok(SignalWatch { handle, thread: Some(thread) })
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
