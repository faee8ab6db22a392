//! How much memory there is for this process, and how much the control groups that it is in allow (Linux: cgroups, versions 1 and 2). What is charged
//! to such a group is not only what the process holds but also what the system keeps of its files: the more one takes, the
//! less is left for the other.

use std::{fs, path::Path};

use crate::node::hindrance::Finding;

/// Bytes that must be available; or an eighth of all memory, where that is less.
const LOW_BYTES: u64 = 32 * 1024 * 1024;

/// What is told while memory is short: the kernel may end this process. What `was_told` stays until a quarter more is
/// available, so that it does not come and go.
pub fn shortage(was_told: bool) -> Option<Finding> {
    let host = fs::read_to_string("/proc/meminfo").ok().and_then(|text| host_memory(&text));
    let groups = fs::read_to_string("/proc/self/cgroup").ok();
    let group = groups.and_then(|groups| group_memory(&groups, &|path| fs::read_to_string(path).ok()));
    [("on this host", host), ("in this control group", group)].into_iter().find_map(|(place, memory)| {
        let available = memory?.shortage(was_told)?;
        let text = format!("only {} MiB of memory are available {place}", available / (1024 * 1024));
        Some(Finding::new(text, "stop other programs, give the node more, or run it with a smaller --max-memory"))
    })
}

/// Memory of a host or of a control group, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Memory {
    all: u64,
    available: u64,
}

impl Memory {
    /// What is available, if it is too little.
    fn shortage(self, was_told: bool) -> Option<u64> {
        let least = LOW_BYTES.min(self.all / 8);
        (self.available < if was_told { least + least / 4 } else { least }).then_some(self.available)
    }
}

/// From `/proc/meminfo`.
fn host_memory(text: &str) -> Option<Memory> {
    let bytes = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
    };
    Some(Memory { all: bytes("MemTotal")?, available: bytes("MemAvailable")? })
}

/// Of the process's own control group, if that has a limit (version 2). The system can take back what it keeps of files.
fn group_memory(groups: &str, read: &dyn Fn(&Path) -> Option<String>) -> Option<Memory> {
    let group = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let folder = Path::new("/sys/fs/cgroup").join(group.trim_start_matches('/'));
    let all = limit_of(&folder.join("memory.max"), read)?;
    let used = limit_of(&folder.join("memory.current"), read)?;
    let stat = read(&folder.join("memory.stat"))?;
    let files: u64 = ["inactive_file ", "active_file ", "slab_reclaimable "]
        .iter()
        .filter_map(|name| stat.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok()))
        .sum();
    Some(Memory { all, available: all.saturating_sub(used.saturating_sub(files)) })
}

/// Bytes that the strictest of its groups allows this process; `None` where there is no limit, or the system does not
/// tell.
pub fn limit() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    strictest(&groups, &|path| fs::read_to_string(path).ok())
}

/// The least limit of the groups of `/proc/self/cgroup` and of those that they are in.
fn strictest(groups: &str, read: &dyn Fn(&Path) -> Option<String>) -> Option<u64> {
    let limits = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, group) = (parts.next()?, parts.next()?);
        let (mount, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => return None,
        };
        // In a container the mount may be the group itself, which the outermost of these stands for.
        let groups = Path::new(group.trim_start_matches('/')).ancestors();
        groups.filter_map(|group| limit_of(&Path::new(mount).join(group).join(file), read)).min()
    });
    limits.min()
}

/// No number is no limit.
fn limit_of(path: &Path, read: &dyn Fn(&Path) -> Option<String>) -> Option<u64> {
    read(path)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The strictest of these files, in a process of these groups.
    fn among(files: &[(&str, &str)], groups: &str) -> Option<u64> {
        let read = |path: &Path| {
            let (_, text) = files.iter().find(|(name, _)| Path::new(name) == path)?;
            Some((*text).to_owned())
        };
        strictest(groups, &read)
    }

    #[test]
    fn the_limit_of_its_own_group_is_found_in_both_versions() {
        let old = [("/sys/fs/cgroup/memory/small/node/memory.limit_in_bytes", "33554432\n")];
        assert_eq!(among(&old, "9:cpu,cpuacct:/\n7:memory:/small/node\n0::/x\n"), Some(33_554_432));
        assert_eq!(among(&old, "9:cpu,cpuacct:/small/node\n7:memory:/\n"), None);
        let new = [("/sys/fs/cgroup/system.slice/a:b/memory.max", "67108864\n")];
        assert_eq!(among(&new, "0::/system.slice/a:b\n"), Some(67_108_864));
    }

    #[test]
    fn the_strictest_of_the_groups_around_it_counts() {
        let files = [
            ("/sys/fs/cgroup/a/b/memory.max", "max\n"),
            ("/sys/fs/cgroup/a/memory.max", "1000\n"),
            ("/sys/fs/cgroup/memory.max", "2000\n"),
        ];
        assert_eq!(among(&files, "0::/a/b\n"), Some(1_000));
        assert_eq!(among(&files, "0::/elsewhere\n"), Some(2_000), "a container's own group is the mount");
        assert_eq!(among(&files[..1], "0::/a/b\n"), None);
    }

    #[test]
    fn memory_is_short_below_an_eighth_or_32_mib() {
        let mib = |mib: u64| mib * 1024 * 1024;
        let short = |all, available| Memory { all: mib(all), available: mib(available) }.shortage(false).is_some();
        assert!(short(4_096, 31) && !short(4_096, 32) && short(64, 7) && !short(64, 8));
        let told = |available| Memory { all: mib(64), available: mib(available) }.shortage(true).is_some();
        assert!(told(9) && !told(10));
        let text = "MemTotal:  4096 kB\nMemFree: 1 kB\nMemAvailable:    512 kB\n";
        assert_eq!(host_memory(text), Some(Memory { all: mib(4), available: mib(4) / 8 }));
        assert_eq!(host_memory("MemTotal: 5 pages"), None);
    }

    #[test]
    fn what_the_system_keeps_of_files_is_available_to_a_group() {
        let files = [
            ("/sys/fs/cgroup/a/memory.max", "1000\n"),
            ("/sys/fs/cgroup/a/memory.current", "900\n"),
            ("/sys/fs/cgroup/a/memory.stat", "anon 5\ninactive_file 300\nactive_file 100\n"),
        ];
        let read = |path: &Path| {
            let (_, text) = files.iter().find(|(name, _)| Path::new(name) == path)?;
            Some((*text).to_owned())
        };
        assert_eq!(group_memory("0::/a\n", &read), Some(Memory { all: 1_000, available: 500 }));
        assert_eq!(group_memory("0::/b\n", &read), None);
    }

    #[test]
    fn what_is_not_understood_is_no_limit() {
        assert_eq!(among(&[("/sys/fs/cgroup/memory.max", "")], "0::/\n"), None);
        assert_eq!(among(&[], "\n:\n1:memory\nmemory"), None);
    }
}
