#!/usr/bin/env bash
# dag-cbor-links (npm): the links of all entries of a list have one path, unless they are the entries themselves.
#
# Guess: links(node) gives each link of an IPLD node with its path, as in the example of its page ("myarray/0"): following the path
# from the node leads to the link, and no two links share one.
# Happens: the place in a list is part of the path only where the entry is a link. Where entries are objects or lists with links in
# them, the place is left out: payments/0/from and payments/1/from are both named payments/from, which leads nowhere. A null
# in a list raises a TypeError, though it is valid, and in an object it does not.
# Hurts: who copies a graph, indexes it or shows what a block refers to: with paths as keys all but the last entry are lost, and a
# path that is looked up is not found.
# Way out: walk the node oneself.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund dag-cbor-links@2.0.2 ipld-dag-cbor@0.15.3 cids@0.8.3 >/dev/null 2>&1
cat >finding.js <<'JS'
const assert = require("assert");
const CID = require("cids");
const { util } = require("ipld-dag-cbor");
const links = require("dag-cbor-links");
console.log("dag-cbor-links", require("./node_modules/dag-cbor-links/package.json").version);

const link = number => new CID(1, "dag-cbor", Buffer.concat([Buffer.from([0x12, 0x20]), Buffer.alloc(32, number)]));
const follow = (node, path) => path.split("/").reduce((at, part) => at?.[part], node);
function show(node) {
  const read = util.deserialize(util.serialize(node));
  const found = [...links(util.serialize(node))].map(([path, cid]) => {
    const there = follow(read, path);
    return [path, CID.isCID(there) && cid.equals(there)];
  });
  for (const [path, leads] of found) console.log(`  ${path}${leads ? "" : " does not lead to its link"}`);
  return found;
}
console.log("entries are links:");
assert.deepEqual(show({ one: link(1), list: [link(2), link(3)], deep: { one: link(4) } }), [
  ["one", true], ["deep/one", true], ["list/0", true], ["list/1", true],
]);
console.log("entries are objects:");
assert.deepEqual(show({ payments: [{ from: link(1), to: link(2) }, { from: link(3), to: link(4) }] }), [
  ["payments/to", false], ["payments/from", false], ["payments/to", false], ["payments/from", false],
]);
console.log("entries are lists:");
assert.deepEqual(show({ rows: [[link(1), link(2)], [link(3), link(4)]] }), [
  ["rows/0", false], ["rows/1", false], ["rows/0", false], ["rows/1", false],
]);
assert.deepEqual([...links({ nothing: null })], []);
assert.throws(() => [...links({ list: [null] })], TypeError);
console.log("as described: places are left out");
JS
node finding.js
