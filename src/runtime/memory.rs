//! How much memory there is for this process, and how much the control groups that it is in allow (Linux: cgroups, versions 1 and 2). What is charged
//! to such a group is not only what the process holds but also what the system keeps of its files: the more one takes, the
//! less is left for the other.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::node::hindrance::Finding;

/// Bytes that must be available; or an eighth of all memory, where that is less.
const LOW_BYTES: u64 = 32 * 1024 * 1024;

/// What is told while memory is short: the kernel may end this process. What `was_told` stays until a quarter more is
/// available, so that it does not come and go.
pub fn shortage(was_told: bool) -> Option<Finding> {
    places().find_map(|(place, memory)| {
        let available = memory.shortage(was_told)?;
        let text = format!("only {} MiB of memory are available {place}", available / (1024 * 1024));
        Some(Finding::new(text, "stop other programs, give the node more, or run it with a smaller --max-memory"))
    })
}

/// The place that lets this process take the fewest more bytes, and how many. `None`: the system does not tell.
pub fn scarcest() -> Option<(&'static str, u64)> {
    places().map(|(place, memory)| (place, memory.available)).min_by_key(|(_, available)| *available)
}

/// The host's memory and that of the scarcest control group, as far as the system tells.
fn places() -> impl Iterator<Item = (&'static str, Memory)> {
    let host = fs::read_to_string("/proc/meminfo").ok().and_then(|text| host_memory(&text));
    let groups = fs::read_to_string("/proc/self/cgroup").ok();
    let group = groups.and_then(|groups| group_memory(&groups, &|path| fs::read_to_string(path).ok()));
    [("on this host", host), ("in this control group", group)]
        .into_iter()
        .filter_map(|(place, memory)| Some((place, memory?)))
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

/// Of the group among this process's and those around them that has the least to give. The system can take back what it
/// keeps of files.
fn group_memory(groups: &str, read: &dyn Fn(&Path) -> Option<String>) -> Option<Memory> {
    let memory = |group: Group| {
        let (all, used) = (group.number(group.files.limit, read)?, group.number(group.files.used, read)?);
        let stat = read(&group.folder.join("memory.stat"))?;
        let number = |name: &&str| stat.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
        let files: u64 = group.files.reclaimable.iter().filter_map(number).sum();
        Some(Memory { all, available: all.saturating_sub(used.saturating_sub(files)) })
    };
    memory_groups(groups).filter_map(memory).min_by_key(|memory| memory.available)
}

/// A control group that may limit memory.
struct Group {
    folder: PathBuf,
    files: &'static Files,
}

/// Where a version of cgroups tells of memory.
struct Files {
    mount: &'static str,
    limit: &'static str,
    used: &'static str,
    /// Lines of `memory.stat`.
    reclaimable: &'static [&'static str],
}

const FIRST: Files = Files {
    mount: "/sys/fs/cgroup/memory",
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    reclaimable: &["total_inactive_file ", "total_active_file "],
};
const SECOND: Files = Files {
    mount: "/sys/fs/cgroup",
    limit: "memory.max",
    used: "memory.current",
    reclaimable: &["inactive_file ", "active_file ", "slab_reclaimable "],
};

impl Group {
    /// What a file says; no number is no limit.
    fn number(&self, file: &str, read: &dyn Fn(&Path) -> Option<String>) -> Option<u64> {
        read(&self.folder.join(file))?.trim().parse().ok()
    }
}

/// The groups of `/proc/self/cgroup` and those that they are in.
fn memory_groups(groups: &str) -> impl Iterator<Item = Group> {
    let own = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, group) = (parts.next()?, parts.next()?);
        match controllers {
            "" => Some((&SECOND, group)),
            _ if controllers.split(',').any(|name| name == "memory") => Some((&FIRST, group)),
            _ => None,
        }
    });
    own.flat_map(|(files, group)| {
        // In a container the mount may be the group itself, which the outermost of these stands for.
        let groups = Path::new(group.trim_start_matches('/')).ancestors();
        groups.map(|group| Group { folder: Path::new(files.mount).join(group), files })
    })
}

/// Bytes that the strictest of its groups allows this process; `None` where there is no limit, or the system does not
/// tell.
pub fn limit() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    strictest(&groups, &|path| fs::read_to_string(path).ok())
}

/// The least limit of these groups.
fn strictest(groups: &str, read: &dyn Fn(&Path) -> Option<String>) -> Option<u64> {
    memory_groups(groups).filter_map(|group| group.number(group.files.limit, read)).min()
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
        assert_eq!(
            group_memory("0::/a/b\n", &read),
            Some(Memory { all: 1_000, available: 500 }),
            "of the group around it"
        );
    }

    #[test]
    fn the_first_version_of_cgroups_tells_too_what_is_available() {
        let read = |path: &Path| match path.to_str()?.strip_prefix("/sys/fs/cgroup/memory/small/memory.")? {
            "limit_in_bytes" => Some("1000\n".to_owned()),
            "usage_in_bytes" => Some("700\n".to_owned()),
            "stat" => Some("cache 9\ntotal_inactive_file 100\ntotal_active_file 50\n".to_owned()),
            _ => None,
        };
        let groups = "7:memory:/small\n3:cpu:/small\n0::/\n";
        assert_eq!(group_memory(groups, &read), Some(Memory { all: 1_000, available: 450 }));
    }

    #[test]
    fn what_is_not_understood_is_no_limit() {
        assert_eq!(among(&[("/sys/fs/cgroup/memory.max", "")], "0::/\n"), None);
        assert_eq!(among(&[], "\n:\n1:memory\nmemory"), None);
    }
}
