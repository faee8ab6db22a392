#!/usr/bin/env bash
# @adobe/cgroup-metrics (npm): user and system time of a container are ticks of 10 ms that are called nanoseconds.
#
# Guess: cpu.stat() gives user and system time as "total CPU time (in nanoseconds)", as its documentation says, so that calculateUsage()
# of two of them is a percentage, as it is for cpu.usage(). A memory limit that is not set is "unlimited", and the host's memory counts instead.
# Happens: cpuacct.stat counts in USER_HZ, a hundredth of a second (the kernel's cgroup-v1/cpuacct.rst says so), only cpuacct.usage in
# nanoseconds. The ticks are handed on under the name cpuNanosSinceContainerStart: a container that used a whole core
# for a minute has 6000 of them, and calculateUsage() says 0.00001 %. "Unlimited" is known for pages of 4 KiB only: with 16 or 64 KiB
# (ARM machines, the Raspberry Pi 5 among them) the kernel's number is lower, and the use is a share of eight exabytes: 0 %.
# Hurts: alarms on a node's load that never fire, and scaling by user time that always scales down.
# Way out: multiply by ten million (getconf CLK_TCK for the exact number); take cpu.usage(); compare limits with the host's memory oneself.
# (The files of cgroup v1 are handed to it in the kernel's form; the machine need not have any.)
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts @adobe/cgroup-metrics@3.0.6 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const fs = require("fs");
const { cpu, memory } = require("@adobe/cgroup-metrics");
console.log("@adobe/cgroup-metrics", require("@adobe/cgroup-metrics/package.json").version);

const root = "/sys/fs/cgroup/";
const files = {};
const read = fs.readFileSync;
fs.readFileSync = (path, ...more) => {
  if (!String(path).startsWith(root)) return read(path, ...more);
  return Buffer.from(files[path.slice(root.length)]);
};
let now = 1_700_000_000_000;
Date.now = () => now;

// A core for a minute: 45 seconds in user mode and 15 in the kernel.
const used = (seconds) => {
  files["cpuacct/cpuacct.usage"] = `${seconds * 1e9}\n`;
  files["cpuacct/cpuacct.stat"] = `user ${seconds * 0.75 * 100}\nsystem ${seconds * 0.25 * 100}\n`;
};
used(1000);
const before = { total: cpu.usage(), ...cpu.stat() };
now += 60_000;
used(1060);
const after = { total: cpu.usage(), ...cpu.stat() };
const percent = Object.fromEntries(Object.keys(before).map((key) => [key, cpu.calculateUsage(before[key], after[key])]));
console.log("percent of a core:", percent);
assert.equal(percent.total, 100);
assert.ok(percent.user < 0.00001 && percent.system < 0.00001);
const ticks = after.user.cpuNanosSinceContainerStart - before.user.cpuNanosSinceContainerStart;
console.log(`45 seconds of user time are ${ticks} "nanoseconds"`);
assert.equal(ticks, 4500);

const host = require("os").totalmem();
files["memory/memory.stat"] = `cache 0\nrss ${host / 2}\n`;
files["memory/memory.kmem.usage_in_bytes"] = "0\n";
for (const [page, known] of [[4096n, true], [16384n, false], [65536n, false]]) {
  const unlimited = (2n ** 63n - 1n) / page * page; // as the kernel writes it
  files["memory/memory.limit_in_bytes"] = `${unlimited}\n`;
  const share = memory.containerUsagePercentage();
  console.log(`half of the host's memory, no limit (${unlimited}): ${share} %`);
  assert.ok(known ? Math.abs(share - 50) < 1e-9 : share < 0.01);
}
console.log("as described: ticks are called nanoseconds");
JS
node finding.js
