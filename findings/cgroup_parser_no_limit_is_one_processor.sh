#!/usr/bin/env bash
# cgroup-parser (Python): without a limit of processor time there is one processor.
#
# Guess: get_max_procs() gives the processors that the container's quota allows and, as its source says, all of the machine where there is no
# quota; -1 stands for "not known" in its other functions.
# Happens: whether a quota was found is thrown away on the way, so that the -1 for "none" is taken for a quota, and one is the least that is
# given: without a quota (-1 in cpu.cfs_quota_us, the usual case), and with cgroup v2, where it knows nothing, get_max_procs() is 1 on
# each machine, whatever it has. With a quota it is right. The memory limit without a limit is the kernel's 9223372036854771712.
# Hurts: nodes that size their pools by it: one thread on a machine of 64 processors, no error, and no slow test, as long as that has a quota.
# Way out: os.sched_getaffinity, and the quota read by oneself; take 1 for "unknown".
# (The files of the kernel are handed to it, as they are with and without a quota; the machine need not have any.)
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check cgroup-parser==0.0.2
env/bin/python - <<'PYTHON'
import os
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import cgroup_parser
from cgroup_parser.cgroups import new_cgroups

print("cgroup-parser", version("cgroup-parser"))
state = import_module("cgroup_parser.runtime.runtime")
cgroup_parser.utils.cpu_count = lambda: 64
group = Path("group")
group.mkdir()


def read(mounts, groups):
    """What it says when these are the kernel's lists of mounts and of the process's groups."""
    Path("mountinfo").write_text(mounts)
    Path("cgroup").write_text(groups)
    state.GLOBAL_CGROUP = new_cgroups("mountinfo", "cgroup")
    return cgroup_parser.get_max_procs(), cgroup_parser.get_memory_limit()


def version_one(quota, memory):
    for name, value in (("cpu.cfs_quota_us", quota), ("cpu.cfs_period_us", 100_000), ("memory.limit_in_bytes", memory)):
        (group / name).write_text(f"{value}\n")
    mount = f"30 25 0:26 / {group.absolute()} rw,nosuid - cgroup cgroup rw,"
    return read(f"{mount}cpu,cpuacct\n{mount}memory\n", "4:cpu,cpuacct:/\n3:memory:/\n")


unlimited = (2**63 - 1) // 4096 * 4096
print("a quota of 4 of 64 processors, 1 GiB:", limited := version_one(400_000, 2**30))
print("no limit:", free := version_one(-1, unlimited))
print("cgroup v2:", second := read(f"30 25 0:26 / {group.absolute()} rw,nosuid - cgroup2 cgroup2 rw\n", "0::/\n"))
assert limited == (4, 2**30)
assert free == (1, unlimited)
assert second == (1, -1)
print("as described: no limit is one processor")
PYTHON
