#!/usr/bin/env bash
# kademlia-routing-table (npm, of the hyperswarm family): closest(id, 3) is seldom the three closest nodes in the table.
#
# Guess: the documentation says "the closest (in XOR distance) nodes to the passed in id", so the result holds what sorting the
# table's nodes by distance to that id gives, as it does with the package k-bucket.
# Happens: whole rows are taken, within each in the order of the ids' bytes, whatever id was asked for. From the row that
# holds the target come its lowest nodes and not the nearest; a node that is in the table may not be found by its own id.
# Four of five lookups of three nodes are wrong, and a few of those of twenty, which is a full row. k-bucket, with the
# same nodes, is right each time.
# Hurts: programs that ask for fewer nodes than a row holds, for the next hop or the first parallel queries of a lookup: they
# start far from the target, and two nodes that know the same peers name different ones for one key.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund kademlia-routing-table@1.0.6 k-bucket@5.1.0 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const { createHash } = require("crypto");
const KBucket = require("k-bucket");
const RoutingTable = require("kademlia-routing-table");
for (const name of ["kademlia-routing-table", "k-bucket"]) console.log(name, require(`${name}/package.json`).version);

const id = (text) => createHash("sha256").update(text).digest();
const own = id("own");
const table = new RoutingTable(own, { k: 20 });
const buckets = new KBucket({ localNodeId: own, numberOfNodesPerKBucket: 20 });
for (let i = 0; i < 500; i++) {
  table.add({ id: id(`node ${i}`) });
  buckets.add({ id: id(`node ${i}`), vectorClock: 0 });
}

const distance = (a, b) => BigInt("0x" + Buffer.from(a.map((byte, i) => byte ^ b[i])).toString("hex"));
const hex = (nodes) => nodes.map((node) => Buffer.from(node.id).toString("hex"));
const nearest = (nodes, target, count) =>
  hex(nodes.sort((a, b) => (distance(a.id, target) < distance(b.id, target) ? -1 : 1)).slice(0, count));

for (const count of [3, 20]) {
  const right = { table: 0, buckets: 0 };
  for (let i = 0; i < 200; i++) {
    const target = id(`target ${i}`);
    const same = (all, some) => nearest(all, target, count).every((each) => hex(some).includes(each));
    if (same(table.toArray(), table.closest(target, count))) right.table++;
    if (same(buckets.toArray(), buckets.closest(target, count))) right.buckets++;
  }
  console.log(`the ${count} closest, in any order, of 200 lookups: k-bucket ${right.buckets}, the table ${right.table}`);
  assert.equal(right.buckets, 200);
  assert.ok(right.table < (count === 3 ? 60 : 200));
}

const small = new RoutingTable(Buffer.of(0), { k: 20 });
for (const byte of [0b10000001, 0b10000010, 0b11000000]) small.add({ id: Buffer.of(byte) });
const answer = small.closest(Buffer.of(0b11000000), 1)[0].id[0];
console.log(`three nodes, asked for the one closest to 11000000, which it has: ${answer.toString(2)}`);
assert.equal(answer, 0b10000001);
console.log("as described: they are not the closest");
JS
node finding.js
