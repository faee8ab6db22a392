#!/usr/bin/env bash
# merklelib (Python, as np-merklelib): a leaf that was put in with update() has no proof, and equal leaves are counted once.
#
# Guess: "update(old, new): a leaf that will replace the old one". After it the tree is the one of the new leaves: get_proof(new)
# proves the new leaf, update(new, newer) replaces it, and there is no proof for the old one. len() is the number of leaves.
# Happens: the root is right, but leaves are looked up under the hash that they had at first. get_proof(new) is empty and
# proves nothing, get_proof(old) is the proof of the new leaf, and a second update of the place raises KeyError unless it is
# called by the first name. Two equal leaves are one for len() and leaves, though the root has both, and a log with such a pair
# calls its own earlier state inconsistent.
# Hurts: ledgers that prove balances or members which change: after the first change the holder of a leaf gets no proof;
# and audit logs in which one line comes twice: the check that it was only appended to fails for a correct log.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
# merklelib itself, 1.0, does not run on Python 3.10 and later; np-merklelib is the same with that mended.
env/bin/pip install -q --disable-pip-version-check np-merklelib==1.1
cat >finding.py <<'PYTHON'
import hashlib
import importlib.metadata
from merklelib import MerkleTree

print("np-merklelib", importlib.metadata.version("np-merklelib"))


def sha256(data):
    return hashlib.sha256(data).digest()


names = [b"alice", b"bob", b"carol", b"dave"]
for place, old in enumerate(names):
    tree, wanted = MerkleTree(names, sha256), [*names]
    wanted[place] = b"erin"
    tree.update(old, b"erin")
    fresh = MerkleTree(wanted, sha256)
    of_new, of_old = tree.get_proof(b"erin"), tree.get_proof(old)
    print(f"{old.decode()} became erin: root right {tree.merkle_root == fresh.merkle_root}, steps of the proof of erin {len(of_new)} "
          f"(fresh tree: {len(fresh.get_proof(b'erin'))}), of {old.decode()} {len(of_old)}")
    assert tree.merkle_root == fresh.merkle_root and (len(of_new), len(of_old)) == (0, 2)
    assert not tree.verify_leaf_inclusion(b"erin", of_new) and tree.verify_leaf_inclusion(b"erin", of_old)
    assert fresh.verify_leaf_inclusion(b"erin", fresh.get_proof(b"erin"))
    try:
        tree.update(b"erin", b"frank")
        raise SystemExit("a second update finds the leaf")
    except KeyError as error:
        print("  a second update:", error)
    tree.update(old, b"frank")
    wanted[place] = b"frank"
    assert tree.merkle_root == MerkleTree(wanted, sha256).merkle_root

for lines in ([b"start", b"work", b"stop", b"end"], [b"start", b"work", b"start", b"end"]):
    before, after = MerkleTree(lines[:3], sha256), MerkleTree(lines, sha256)
    consistent = after >= before
    print(f"{[line.decode() for line in lines]}: {len(after)} leaves; consistent with its first three: {consistent}")
    assert (len(after), len(after.leaves), consistent) == ((4, 4, True) if lines[2] == b"stop" else (3, 3, False))
print("as described: leaves are known by what they were first")
PYTHON
env/bin/python finding.py
