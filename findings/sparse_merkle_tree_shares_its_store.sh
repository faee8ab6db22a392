#!/usr/bin/env bash
# sparse-merkle-tree (Python): a second tree answers with the values of the first one.
#
# Guess: SparseMerkleTree() without arguments is an empty tree with a memory of its own. get() gives the value "for the given key
# using the current root", and has() says whether the key is in the tree.
# Happens: the store that is used without an argument is made once, for all trees of the program, and values lie in it under the
# hash of the key alone, whatever the root is. As soon as a tree holds one key, get() and has() find each key of every other
# tree. Roots and proofs are right: the tree has a value, and its own proof says that it has none. The same happens after going
# back to an earlier root of one tree: it has the values of today.
# Hurts: ledgers with a tree for each account, contract or fork, and tests that make a tree each: balances of others are
# returned. With one tree, as in the example, it works.
# Way out: give each tree its own TreeMemoryStore(), and take no value without its proof.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check sparse-merkle-tree==0.3.0
env/bin/python - <<'PYTHON'
import importlib.metadata
from smt.proof import verify_proof
from smt.store import TreeMemoryStore
from smt.tree import SparseMerkleTree

print("sparse-merkle-tree", importlib.metadata.version("sparse-merkle-tree"))

one, two, own = SparseMerkleTree(), SparseMerkleTree(), SparseMerkleTree(TreeMemoryStore())
one.update(b"alice", b"100")
assert two.get(b"alice") == b""
for tree in (two, own):
    tree.update(b"bob", b"5")
assert two.root == own.root
for name, tree in (("shared store", two), ("own store", own)):
    proof = tree.prove(b"alice")
    absent, present = (verify_proof(proof, tree.root, b"alice", value) for value in (b"", b"100"))
    print(f"{name}: alice has {tree.get(b'alice')}, has() {tree.has(b'alice')}; proof of absence {absent}, of 100 {present}")
    assert absent and not present
assert (two.get(b"alice"), two.has(b"alice")) == (b"100", True)
assert (own.get(b"alice"), own.has(b"alice")) == (b"", False)

before = own.root
own.update(b"carol", b"7")
own.root = before
proof = own.prove(b"carol")
print("back at the root without carol:", own.get(b"carol"), "proof of absence", verify_proof(proof, own.root, b"carol", b""))
assert own.get(b"carol") == b"7" and verify_proof(proof, own.root, b"carol", b"")
print("as described: values are found whatever the tree is")
PYTHON
