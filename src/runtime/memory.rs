//! How much memory the control groups that this process is in allow (Linux: cgroups, versions 1 and 2). What is charged
//! to such a group is not only what the process holds but also what the system keeps of its files: the more one takes, the
//! less is left for the other.

use std::{fs, path::Path};

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
    fn what_is_not_understood_is_no_limit() {
        assert_eq!(among(&[("/sys/fs/cgroup/memory.max", "")], "0::/\n"), None);
        assert_eq!(among(&[], "\n:\n1:memory\nmemory"), None);
    }
}
