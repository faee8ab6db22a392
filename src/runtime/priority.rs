//! How much a thread's work counts when cores are short.

/// Niceness of work that can wait: about a tenth of what other threads get while they want it.
#[cfg(target_os = "linux")]
const CAN_WAIT: i32 = 10;

/// Lets all other work go before that of this thread. Only Linux counts niceness by thread: elsewhere nothing changes.
pub fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, CAN_WAIT) {
        log::debug!("priority: not lowered error=\"{error}\"");
    }
}
