#!/usr/bin/env bash
# merkletreejs: the option that the library recommends for correct proofs makes most of its proofs wrong.
#
# Guess: getMultiProof() prints "for correct multiProofs it's strongly recommended to set complete: true". With the option
# set, each proof that the tree gives out is accepted by the tree's own verify functions.
# Happens: `complete` moves nodes of the first layer up without their indices, and proofs are then built with the wrong
# neighbours. Of nine leaves seven have a wrong single proof, where the tree without the option has none; of the 36 pairs
# of leaves 35 have a wrong multiproof, where the tree without the option has eight. Powers of two are right in either form.
# Hurts: ledgers that publish a Merkle root with inclusion proofs (receipts, airdrops, audits): trees of the tests, with two
# or four leaves, work; members of the real tree are told that they are not in it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund merkletreejs@0.6.0 >/dev/null
cat >finding.mjs <<'JS'
import assert from "assert";
import { createHash } from "crypto";
import { readFileSync } from "fs";
import { MerkleTree } from "merkletreejs";
const { version } = JSON.parse(readFileSync("node_modules/merkletreejs/package.json"));
console.log("merkletreejs", version);
let warning;
console.warn = (text) => (warning = text);

const sha256 = (data) => createHash("sha256").update(data).digest();

function refused(count, complete) {
  const leaves = [...Array(count).keys()].map((i) => sha256(`leaf ${i}`));
  const tree = new MerkleTree(leaves, sha256, { complete });
  const single = leaves.filter((leaf, i) => !tree.verify(tree.getProof(leaf, i), leaf, tree.getRoot())).length;

  const sorted = new MerkleTree(leaves, sha256, { complete, sort: true });
  let pairs = 0;
  sorted.getLeaves().forEach((one, i, all) => {
    for (const other of all.slice(i + 1)) {
      const proof = sorted.getMultiProof([one, other]);
      const flags = sorted.getProofFlags([one, other], proof);
      let accepted = false;
      try {
        accepted = sorted.verifyMultiProofWithFlags(sorted.getRoot(), [one, other], proof, flags);
      } catch {
        // Some of the wrong proofs are too short, and raise a TypeError.
      }
      pairs += !accepted;
    }
  });
  return { single, pairs };
}

const result = {};
for (const count of [4, 8, 9]) {
  for (const complete of [false, true]) {
    const { single, pairs } = (result[`${count} ${complete}`] = refused(count, complete));
    const total = (count * (count - 1)) / 2;
    console.log(`${count} leaves, complete: ${complete}: refused ${single} of ${count} proofs, ${pairs} of ${total} for pairs`);
  }
}
console.log(warning);
assert(/recommended to set complete: true/.test(warning));
for (const count of [4, 8]) {
  assert.deepStrictEqual(result[`${count} true`], { single: 0, pairs: 0 });
}
assert.deepStrictEqual(result["9 false"], { single: 0, pairs: 8 });
assert.deepStrictEqual(result["9 true"], { single: 7, pairs: 35 });
console.log("as described: with the recommended option, more of the tree's own proofs are refused");
JS
node finding.mjs
