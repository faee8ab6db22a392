#!/usr/bin/env bash
# flat-tree (Python): of three or more roots the third and further ones are other nodes than in JavaScript's flat-tree.
#
# Guess: a port of Dat's flat-tree: fullRoots(2 * blocks) names the roots whose hashes are signed for a log of that many blocks, so both
# languages name the same ones.
# Happens: where the number of blocks has three or more bits set, the roots from the third on are wrong: 7 blocks have the roots
# 3, 9 and 12, here 3, 9 and 20, a node that such a log does not have; 100 blocks have 63, 159, 195, here 63, 159, 4163. One and
# two roots are right, 7 is the first of half of all lengths that are not. The iterator's prev() goes to where its own step
# says, not one back: after 8 and 10 comes 2.
# Hurts: who checks or continues such a log in Python: signatures over the roots do not match, or hashes are asked for that nobody has.
# Way out: reckon the roots anew: the largest full trees from the left, as merkle-tree-stream's roots are when it has written all blocks.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check flat-tree==0.0.1a8 merkle-tree-stream==0.0.1a5
npm install --silent --no-audit --no-fund --ignore-scripts flat-tree@1.13.0 >/dev/null
node -e '
const flat = require("flat-tree");
const walk = flat.iterator(8);
const out = { roots: {}, walk: [walk.index, walk.next(), walk.prev(), walk.prev()] };
for (let blocks = 1; blocks <= 200; blocks++) out.roots[blocks] = flat.fullRoots(2 * blocks);
require("fs").writeFileSync("there.json", JSON.stringify(out));
console.log("flat-tree (npm)", require("flat-tree/package.json").version);'
env/bin/python - <<'PYTHON'
import importlib.metadata
import json

from flat_tree import FlatTreeAccessor, FlatTreeIterator
from merkle_tree_stream import MerkleTreeGenerator

print("flat-tree (Python)", importlib.metadata.version("flat-tree"))
there = json.load(open("there.json"))
tree = FlatTreeAccessor()
for blocks in (3, 7, 11, 100):
    print(f"{blocks} blocks: npm {there['roots'][str(blocks)]}, Python {tree.full_roots(2 * blocks)}")
writer = MerkleTreeGenerator(leaf=lambda node: b"leaf", parent=lambda left, right: b"parent")
wrong = 0
for blocks in range(1, 201):
    writer.write(b"block")
    right = there["roots"][str(blocks)]
    assert [int(root.index) for root in writer.roots] == right  # the sister package agrees with npm's
    mine = tree.full_roots(2 * blocks)
    assert (mine != right) == (bin(blocks).count("1") >= 3)
    assert mine[:2] == right[:2]
    wrong += mine != right
print(wrong, "of 200 lengths are wrong, those with three or more roots")
assert wrong > 100
walk = FlatTreeIterator()
walk.seek(8)
mine = [walk.index, walk.next(), walk.prev(), walk.prev()]
print("8, next, previous, previous: npm", there["walk"], "Python", mine)
assert there["walk"] == [8, 10, 8, 6] and mine == [8, 10, 2, 2]
print("as described: the third root is elsewhere")
PYTHON
