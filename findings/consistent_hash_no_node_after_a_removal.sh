#!/usr/bin/env bash
# consistent-hash (npm): after a node was removed, none can be added, unless a key was looked up in between.
#
# Guess: remove() frees the control points of a node: "Freed control points may get allocated to newly added nodes." To replace a
# node is to remove it and to add another.
# Happens: remove() sets the table of control points to null and leaves it to the next get() to build it anew. add() looks for free
# points in that table: "Cannot read properties of null". A get() in between, of any key, mends it. With points of one's own it
# is the same, and only with the uniform distribution add() works.
# Hurts: pools that replace a lost node at once: the error comes at the moment of a failure, and the ring has one node less from
# then on. In tests that look at the ring after each step nothing happens.
# Way out: get("") after each remove().
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund consistent-hash@1.2.2 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const ConsistentHash = require("consistent-hash");
console.log("consistent-hash", require("consistent-hash/package.json").version);

function replace(options, between, points) {
  const ring = new ConsistentHash(options);
  ring.add("a").add("b").remove("a");
  between(ring);
  try {
    ring.add("c", 40, points);
  } catch (error) {
    return `${error.name}: ${error.message.replace(/'\d+'/, "a number")}; nodes ${ring.getNodes()}`;
  }
  const found = new Set(Array.from({ length: 1000 }, (_, number) => ring.get(`key ${number}`)));
  return `nodes ${[...found].sort()}`;
}
const nothing = () => {};
const seen = {
  "removed, added": replace({}, nothing),
  "removed, looked up, added": replace({}, ring => ring.get("")),
  "with points of one's own": replace({}, nothing, [100, 30000, 60000]),
  "with the uniform distribution": replace({ distribution: "uniform" }, nothing),
};
console.log(seen);
const [plain, looked, own, uniform] = Object.values(seen);
assert.match(plain, /^TypeError: Cannot read properties of null/);
assert.match(own, /^TypeError: Cannot set properties of null/);
assert.deepEqual([looked, uniform], ["nodes b,c", "nodes b,c"]);
console.log("as described: a removal must be followed by a look");
JS
node finding.js
