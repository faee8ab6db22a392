#!/usr/bin/env bash
# interval-tree2 (npm): a search by point or range misses intervals that contain it.
#
# Guess: search(point) gives each interval that contains the point, and search(start, end) each that overlaps with the range, as
# the documentation says ("get overlapped intervals"), whatever else is in the tree.
# Happens: of [12, 17], [1, 55], [87, 97] and [70, 94], in a tree with the center 50, search(88) gives [87, 97] alone. With 100 random
# intervals about a tenth of all searches miss one. What is found is right.
# Hurts: locks and leases by range of keys, and reservations of blocks or times: "free" is said of what is taken. In an
# example with two or three intervals all is found.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund interval-tree2@1.1.0 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const IntervalTree = require("interval-tree2");
console.log("interval-tree2", require("interval-tree2/package.json").version);

function build(center, intervals) {
  const tree = new IntervalTree(center);
  intervals.forEach(([start, end], id) => tree.add(start, end, id));
  return tree;
}
const few = [[12, 17], [1, 55], [87, 97], [70, 94]];
const found = build(50, few).search(88).map(interval => [interval.start, interval.end]);
console.log("88 is in", JSON.stringify(few.filter(([start, end]) => start < 88 && 88 < end)), "found:", JSON.stringify(found));
assert.deepEqual(found, [[87, 97]]);

// The same random numbers in each run.
let state = 1;
function random(below) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
}
const missed = { points: 0, ranges: 0 };
let asked = 0;
for (let round = 0; round < 50; round++) {
  const intervals = Array.from({ length: 100 }, () => {
    const start = random(900);
    return [start, start + 2 + random(98)];
  });
  const tree = build(500, intervals);
  for (let query = 0; query < 100; query++, asked++) {
    const start = random(900);
    const end = start + 2 + random(50);
    // Ends do not count, since the documentation does not say whether they belong to an interval.
    const point = intervals.flatMap(([low, high], id) => (low < start && start < high ? [id] : []));
    const range = intervals.flatMap(([low, high], id) => (low < end && start < high ? [id] : []));
    const [byPoint, byRange] = [tree.search(start), tree.search(start, end)];
    for (const interval of byPoint) assert.ok(interval.start <= start && start <= interval.end);
    for (const interval of byRange) assert.ok(interval.start <= end && start <= interval.end);
    missed.points += point.some(id => !byPoint.some(interval => interval.id === id));
    missed.ranges += range.some(id => !byRange.some(interval => interval.id === id));
  }
}
console.log(`of ${asked} searches by point ${missed.points} miss an interval, and of those by range ${missed.ranges}`);
assert.ok(missed.points > asked / 20 && missed.ranges > asked / 20);
console.log("as described: not all are found");
JS
node finding.js
