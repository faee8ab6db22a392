#!/usr/bin/env bash
# interval-tree2 and flatten-interval-tree (npm): searches miss intervals that overlap with what was asked for.
#
# Guess: search(point) gives each interval that contains the point, and search(range) each that overlaps with the range, as both
# documentations say, whatever else is in the tree.
# Happens: of [12, 17], [1, 55], [87, 97] and [70, 94], interval-tree2 with the center 50 finds [87, 97] alone for 88. After [1, 5],
# [1, 3], [15, 20] and [12, 21] were inserted, flatten-interval-tree finds nothing for [13, 14]. With 100 random intervals
# about a tenth of all searches in the one and most of those in the other miss some. What is found is right.
# Hurts: locks and leases by range of keys, and reservations of blocks or times: "free" is said of what is taken. In an
# example with two or three intervals all is found.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund interval-tree2@1.1.0 flatten-interval-tree@0.3.4 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const IntervalTree = require("interval-tree2");
const FlattenTree = require("flatten-interval-tree");
for (const name of ["interval-tree2", "flatten-interval-tree"]) console.log(name, require(`${name}/package.json`).version);

function build(center, intervals) {
  const tree = new IntervalTree(center);
  intervals.forEach(([start, end], id) => tree.add(start, end, id));
  return tree;
}
function flatten(intervals) {
  const tree = new FlattenTree();
  intervals.forEach((interval, id) => tree.insert(interval, `id ${id}`));
  return tree;
}
const few = [[12, 17], [1, 55], [87, 97], [70, 94]];
const found = build(50, few).search(88).map(interval => [interval.start, interval.end]);
console.log("88 is in", JSON.stringify(few.filter(([start, end]) => start < 88 && 88 < end)), "found:", JSON.stringify(found));
assert.deepEqual(found, [[87, 97]]);
const other = [[1, 5], [1, 3], [15, 20], [12, 21]];
const none = flatten(other).search([13, 14]);
console.log("[13, 14] is in [12,21] of", JSON.stringify(other), "found:", JSON.stringify(none));
assert.deepEqual(none, []);

// The same random numbers in each run.
let state = 1;
function random(below) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
}
const missed = { points: 0, ranges: 0, flatten: 0 };
let asked = 0;
for (let round = 0; round < 50; round++) {
  const intervals = Array.from({ length: 100 }, () => {
    const start = random(900);
    return [start, start + 2 + random(98)];
  });
  const [tree, second] = [build(500, intervals), flatten(intervals)];
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
    const values = second.search([start, end]);
    for (const value of values) {
      const [low, high] = intervals[value.slice(3)];
      assert.ok(low <= end && start <= high);
    }
    missed.flatten += range.some(id => !values.includes(`id ${id}`));
  }
}
console.log(`of ${asked} searches by point ${missed.points} miss an interval, and of those by range ${missed.ranges}`);
console.log(`flatten-interval-tree: of ${asked} searches by range ${missed.flatten}`);
assert.ok(missed.points > asked / 20 && missed.ranges > asked / 20);
assert.ok(missed.flatten > asked / 4);
console.log("as described: not all are found");
JS
node finding.js
