#!/usr/bin/env bash
# ketama (npm): with as many replicas as nodes, each key has the same first node, that which was added first.
#
# Guess: getNodes(key, replicas) walks around the ring from the key's place. The first is the one of getNode(key), keys are
# spread evenly over the first places, and whoever has the same nodes gets the same list.
# Happens: that holds for fewer replicas than nodes. If there are no more nodes than replicas, the list is that of the nodes in
# the order in which they were added, whatever the key. For three nodes, getNodes(key, 2) begins with the first that
# getNode(key) names, and getNodes(key, 3) with the same node for all keys. hashring's range() is right in both.
# Hurts: stores with a primary and copies: a cluster of three with three copies, or one that shrinks to that after a failure,
# sends all writes to one node; two programs that added the nodes in another order have different primaries for one key.
# Way out: getNode(key) first, then the others.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund ketama@1.0.0 hashring@3.2.0 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const { HashRing } = require("ketama");
const Other = require("hashring");
for (const name of ["ketama", "hashring"]) console.log(name, require(`${name}/package.json`).version);

const nodes = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
const keys = Array.from({ length: 3000 }, (_, number) => `key ${number}`);
const [ring, turned, other] = [new HashRing(nodes), new HashRing([...nodes].reverse()), new Other(nodes)];
assert.ok(keys.every(key => ring.getNode(key) === turned.getNode(key)));

function firsts(list) {
  const counts = Object.fromEntries(nodes.map(node => [node, 0]));
  for (const key of keys) counts[list(key)[0]]++;
  return counts;
}
for (const replicas of [1, 2, 3, 4]) {
  const counts = firsts(key => ring.getNodes(key, replicas));
  const equal = keys.filter(key => ring.getNodes(key, replicas)[0] === ring.getNode(key)).length;
  const agreed = keys.filter(key => ring.getNodes(key, replicas)[0] === turned.getNodes(key, replicas)[0]).length;
  console.log(`${replicas} replicas: first nodes`, counts, `${equal} as getNode(), ${agreed} whatever the order of adding`);
  if (replicas < nodes.length) {
    assert.ok(Object.values(counts).every(count => count > 500));
    assert.deepEqual([equal, agreed], [keys.length, keys.length]);
  } else {
    assert.equal(counts[nodes[0]], keys.length);
    assert.ok(equal < keys.length / 2);
    assert.equal(agreed, 0);
  }
}
const right = firsts(key => other.range(key, 3));
console.log("hashring, 3 replicas: first nodes", right);
assert.ok(Object.values(right).every(count => count > 500));
assert.ok(keys.every(key => other.range(key, 3)[0] === other.get(key)));
console.log("as described: one node is first for all");
JS
node finding.js
