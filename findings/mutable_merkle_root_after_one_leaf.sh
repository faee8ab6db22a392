#!/usr/bin/env bash
# mutable-merkle (Python): a tree that shrank to one leaf once has another root than any other tree of the same leaves.
#
# Guess: the root depends on the leaves and on nothing else. The documentation shows that with three trees: one that was built of
# five leaves, one from which a sixth was removed, and one to which the five were added one by one.
# Happens: of two leaves with one removed, a level is left over that a tree of one leaf has not. Its root is still right; but
# with the next leaf that is added, the tree gets a level too many, whose right half is empty, and keeps it: all later roots
# differ. The proofs have one step too many and fit this root, so that the tree agrees with itself. Trees that never had one
# leaf after two, and such that were emptied, are right.
# Hurts: nodes that compare their sets by the root: a node that was down to one member, peer or coin at any time
# differs from all others for good, until it builds the tree anew, and an export and import (marshal) keeps the fault.
# Way out: MerkleTree.new() of all leaves after a removal that leaves one.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check mutable-merkle==0.1.1
env/bin/python - <<'PYTHON'
import hashlib
import importlib.metadata
from mutable_merkle.tree import MerkleTree
from mutable_merkle.util import verify_proof

print("mutable-merkle", importlib.metadata.version("mutable-merkle"))


def build(start, low, end):
    """A tree of `start` leaves, with leaves removed until `low`, and then added until `end`."""
    leaves = [f"member {n}".encode() for n in range(start)]
    tree = MerkleTree.new(list(leaves), hash_type="sha256")
    while len(leaves) > low:
        tree.remove_leaf(len(leaves) - 1)
        leaves.pop()
    while len(leaves) < end:
        leaves.append(f"later {len(leaves)}".encode())
        tree.add_leaf(leaves[-1])
    return leaves, tree


wrong = right = 0
for start in range(1, 17):
    for low in range(start):
        for end in range(low, 18):
            leaves, tree = build(start, low, end)
            fresh = MerkleTree.new(list(leaves), hash_type="sha256")
            assert (tree == fresh) == (not (low == 1 and end > 1)), (start, low, end)
            wrong, right = wrong + (tree != fresh), right + (tree == fresh)
            hashes = [hashlib.sha256(leaf).digest() for leaf in leaves]
            assert all(verify_proof(tree.get_proof(n), bytearray(leaf)) for n, leaf in enumerate(hashes))
print(f"{right} trees have the root of a new one; {wrong} that had one leaf in between do not")

leaves, tree = build(2, 1, 4)
fresh = MerkleTree.new(list(leaves), hash_type="sha256")
copy = MerkleTree.unmarshal(tree.marshal())
print(f"four leaves: root {fresh.root.hex()[:16]}, steps of a proof {len(fresh.get_proof(0)) - 2}")
print(f"after one:   root {tree.root.hex()[:16]}, steps of a proof {len(tree.get_proof(0)) - 2}")
assert (len(fresh.get_proof(0)) - 2, len(tree.get_proof(0)) - 2) == (2, 3) and copy == tree != fresh
level = hashlib.sha256(bytes(fresh.root) + bytes(32)).digest()
assert bytes(tree.root) == level
print("as described: the root is that of a tree with an empty half more")
PYTHON
