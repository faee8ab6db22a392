//! Memory for passphrases. Argon2id takes more of it than a node, and both may be in one control group.

use std::fs;

use super::exit::{Exit, Failure, Outcome};
use crate::runtime::memory;

/// The highest value: the kernel ends this process before any other of its group.
const FIRST_TO_END: &str = "1000";
/// Bytes that a command needs besides.
const REST_BYTES: u64 = 3 * 1024 * 1024;

/// Prepares to take memory for a passphrase. Fails if there is too little. If that turns out only later, the kernel ends this
/// command, and not the node.
pub(super) fn prepare(memory_kib: u32) -> Outcome {
    // Where the system refuses, memory is still checked.
    drop(fs::write("/proc/self/oom_score_adj", FIRST_TO_END));
    check(u64::from(memory_kib) * 1024, memory::scarcest())
}

fn check(bytes: u64, scarcest: Option<(&str, u64)>) -> Outcome {
    let needed = bytes + REST_BYTES;
    match scarcest.filter(|(_, available)| *available < needed) {
        None => Ok(()),
        Some((place, available)) => {
            let mib = |bytes: u64| bytes / (1024 * 1024);
            let problem = format!("memory is short: a passphrase needs {} MiB", mib(needed));
            let advice = "stop other programs, or make the key elsewhere and copy its file";
            Err(Failure::new(Exit::Io, format!("{problem}, {} MiB are available {place}; {advice}", mib(available))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_memory_is_said_with_the_place() {
        let mib = |mib: u64| mib * 1024 * 1024;
        assert!(check(mib(19), None).is_ok() && check(mib(19), Some(("on this host", mib(22)))).is_ok());
        let refused = check(mib(19), Some(("in this control group", mib(22) - 1))).unwrap_err();
        assert_eq!(refused.exit, Exit::Io);
        assert!(refused.message.contains("needs 22 MiB, 21 MiB are available in this control group"), "{refused:?}");
    }
}
