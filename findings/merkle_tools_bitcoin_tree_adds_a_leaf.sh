#!/usr/bin/env bash
# merkle-tools (npm): to build Bitcoin's tree of an odd number of leaves adds a leaf for good, and later roots are wrong.
#
# Guess: makeBTCTree() doubles the last node of an odd level while it hashes, as Bitcoin does, and leaves the leaves alone. With
# one more leaf added, it gives the root of all leaves that were added.
# Happens: the doubled leaf stays in the list. Of three leaves there are four, getLeaf(3) is one that nobody added, and the
# fourth transaction becomes the fifth leaf: the root is that of a, b, c, c, d. makeTree() after it has another root than
# before as well. From then on each proof is for the wrong tree, and validateProof() accepts it.
# Hurts: who builds the root of a block anew for each transaction that comes in (miners, indexers, anchors): the header is
# refused by everybody else. With an even number of leaves, or one tree per object, it is right.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund merkle-tools@1.4.1 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const { createHash } = require("crypto");
const MerkleTools = require("merkle-tools");
console.log("merkle-tools", require("merkle-tools/package.json").version);

const sha256 = (data) => createHash("sha256").update(data).digest();
const [a, b, c, d] = ["a", "b", "c", "d"].map(sha256);
const pair = (one, other) => sha256(sha256(Buffer.concat([one, other]))).toString("hex").slice(0, 16);
const twice = (one, other) => sha256(sha256(Buffer.concat([one, other])));
const root = (tree) => (tree.makeBTCTree(true), tree.getMerkleRoot().toString("hex").slice(0, 16));
const treeOf = (leaves) => {
  const tree = new MerkleTools();
  tree.addLeaves(leaves);
  return tree;
};

const tree = treeOf([a, b, c]);
const three = root(tree);
console.log(`three leaves: root ${three}, and ${tree.getLeafCount()} leaves`);
assert.equal(three, pair(twice(a, b), twice(c, c)));
assert.equal(tree.getLeafCount(), 4);
assert.ok(tree.getLeaf(3).equals(c));

tree.addLeaf(d);
const grown = root(tree);
const right = pair(twice(a, b), twice(c, d));
console.log(`the fourth is added: root ${grown}, and ${tree.getLeafCount()} leaves; Bitcoin's root of the four is ${right}`);
assert.equal(root(treeOf([a, b, c, d])), right, "a new object is right");
assert.notEqual(grown, right);
assert.equal(grown, root(treeOf([a, b, c, c, d])));
assert.ok(tree.validateProof(tree.getProof(0), a, tree.getMerkleRoot(), true));
console.log("as described: the doubled leaf stays");
JS
node finding.js
