//! Commands in a control group with little memory, in which a node runs too.
#![cfg(target_os = "linux")]

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::support::{TestNode, bin, stderr};

/// A control group with little memory, removed when this is dropped.
struct MemoryGroup(PathBuf);

impl MemoryGroup {
    /// `None`: this host allows none.
    fn new(mib: u64) -> Option<Self> {
        let name = format!("tussock-test-{}-{mib}", std::process::id());
        let places = [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")];
        let made = places.into_iter().find_map(|(mount, limit)| {
            let folder = Path::new(mount).join(&name);
            fs::create_dir(&folder).ok()?;
            let group = Self(folder);
            fs::write(group.0.join(limit), (mib << 20).to_string()).ok()?;
            Some(group)
        });
        if made.is_none() {
            eprintln!("no control group can be made here: skipped");
        }
        made
    }

    /// A shell command that moves the shell into the group.
    fn enter(&self) -> String {
        format!("echo $$ >{}", self.0.join("cgroup.procs").display())
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        drop(fs::remove_dir(&self.0));
    }
}

/// A passphrase takes 19 MiB. Where the node's control group has less to give, the command says so or is ended by the
/// kernel; the node lives on.
#[test]
fn a_key_with_a_passphrase_never_takes_the_node_s_memory() {
    for mib in [24, 32, 96] {
        let Some(group) = MemoryGroup::new(mib) else { return };
        let mut node = TestNode::start_after(&group.enter(), &[]);
        let secret = node.dir.join("secret");
        fs::write(&secret, "open sesame\n").unwrap();
        let line = format!("{} && exec \"$0\" \"$@\"", group.enter());
        let mut command = Command::new("bash");
        command.args(["-c", &line, &bin(), "-d"]).arg(&node.dir).args(["key", "new", "alice", "--passphrase-file"]);
        let output = command.arg(&secret).stdin(Stdio::null()).output().unwrap();
        let said = output.status.code() == Some(10) && stderr(&output).contains("memory is short");
        let ended = output.status.signal() == Some(9);
        assert!(said || ended || output.status.success(), "{mib} MiB: {output:?}");
        assert!(mib < 96 || output.status.success(), "{mib} MiB: {output:?}");
        assert!(node.alive(), "{mib} MiB");
        assert_eq!(node.status()["height"], 0);
        node.stop();
    }
}
