//! What a panic of the program does: a bug, never a peer's doing.
//!
//! The shipped build can't unwind, so nothing relies on unwinding: the thread that panics stays where it is, and the rest
//! of the node stops in order. Tests unwind, and find a panic where the threads of roles end.

use std::{
    panic::{self, PanicHookInfo},
    process,
    sync::Arc,
    thread,
    time::Duration,
};

use crossbeam_channel::bounded;

use super::{stop::Stopper, worker::panic_message};
use crate::base::limits;

/// How long the others have for their stop in order before the process ends anyway: the node's own limit, and as much
/// again for its servers.
const LAST_RESORT: Duration = Duration::from_secs(2 * limits::STOP_TIMEOUT.as_secs());

/// For commands without a node: one line, and the exit code of a bug.
pub fn exit_on_panic() {
    panic::set_hook(Box::new(|info| {
        eprintln!("error: internal: {}; please report it", describe(info));
        process::exit(1)
    }));
}

/// For a running node: it stops, says why, and keeps what is on disk in order.
pub(super) fn halt_on_panic(stopper: Arc<Stopper>) {
    panic::set_hook(Box::new(move |info| {
        stopper.broken(describe(info));
        // The main thread is the one that would stop the others.
        if thread::current().name() != Some("main") {
            let (_nobody, never) = bounded::<()>(0);
            let _ = never.recv_timeout(LAST_RESORT);
        }
        process::exit(1)
    }));
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    let (thread, text) = (thread::current(), panic_message(info.payload()));
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    format!("{} panicked at {place}: {text}", thread.name().unwrap_or("a thread"))
}

#[cfg(test)]
mod tests {
    use std::{env, process::Command};

    use super::*;

    /// The hook is the whole process's: the test runs itself in another one.
    #[test]
    fn a_panic_of_any_thread_is_a_reason_to_stop_that_names_its_place() {
        const CHILD: &str = "TUSSOCK_TEST_PANIC";
        if env::var_os(CHILD).is_some() {
            let stopper = Arc::new(Stopper::new());
            halt_on_panic(Arc::clone(&stopper));
            let _stays = thread::Builder::new().name("gossip".to_owned()).spawn(|| panic!("a bug")).unwrap();
            assert!(stopper.wait(Some(LAST_RESORT / 2)));
            println!("reason: {}", stopper.reason().unwrap());
            process::exit(0);
        }
        let name = "runtime::panics::tests::a_panic_of_any_thread_is_a_reason_to_stop_that_names_its_place";
        let mut child = Command::new(env::current_exe().unwrap());
        let output = child.args([name, "--exact", "--nocapture"]).env(CHILD, "1").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let expected = format!("gossip panicked at {}:", file!());
        assert!(output.status.success() && text.contains(&expected) && text.contains(": a bug"), "{text}");
    }
}
