//! What takes much stack once, on a stack that is given back.

use std::thread;

/// As large as the main thread's is by default.
const STACK_BYTES: usize = 8 * 1024 * 1024;

/// Runs something in a thread of its own, whose stack is given back. To describe all commands takes half a megabyte of it, and to
/// describe a node's settings a quarter, which the main thread's would keep as long as the program runs.
pub(super) fn on_own_stack<T: Send + 'static>(run: fn() -> T) -> T {
    match thread::Builder::new().stack_size(STACK_BYTES).spawn(run).map(thread::JoinHandle::join) {
        Ok(Ok(done)) => done,
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(_) => run(), // no thread could be made
    }
}
