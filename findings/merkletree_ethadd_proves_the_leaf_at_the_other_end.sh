#!/usr/bin/env bash
# merkletree-ethadd (Python): getProof() gives the proof of another address, so that none verifies but that of the one in the middle.
#
# Guess: a tree over Ethereum addresses as in OpenZeppelin's StandardMerkleTree (leaves hashed twice, sorted, pairs sorted): the root goes
# into a contract, and each address gets a proof with which it claims what it was given.
# Happens: the sorted leaves are laid down in one direction, and numbered in the other. The first address gets the proof of the last one,
# the second that of the last but one, and so on. Only where their number is odd, the one in the middle has its own. The root is
# OpenZeppelin's for 2, 4 and 8 addresses and another one for 3, 5, 6, 7 and 9, as the leaves lie the other way round.
# Hurts: airdrops and lists of members: the root is in the contract before the first claim fails, and everybody's does. Nothing in the
# package checks a proof.
# Way out: the proof of the address at the other end of the sorted list; or OpenZeppelin's own package.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m pip --version >/dev/null 2>&1 || { python3 -m venv env && PATH=$dir/env/bin:$PATH; }
install() { python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --no-compile --target "$@"; }
install lib merkletree-ethadd==0.1.0 pycryptodome==3.21.0
# Stands in for eth-abi and what it needs: an address is written as a word of 32 bytes.
cat >lib/eth_abi.py <<'PYTHON'
def encode(types, values):
    assert types == ["address"]
    return bytes(12) + bytes.fromhex(values[0][2:])
PYTHON
npm install --silent --no-audit --no-fund --ignore-scripts @openzeppelin/merkle-tree@1.0.8 >/dev/null
node -e '
const { StandardMerkleTree } = require("@openzeppelin/merkle-tree");
console.log("@openzeppelin/merkle-tree", require("@openzeppelin/merkle-tree/package.json").version);
const out = [];
for (let count = 2; count <= 9; count++) {
  const leaves = Array.from({ length: count }, (_, i) => [`0x${(i + 1).toString(16).padStart(2, "0").repeat(20)}`]);
  const tree = StandardMerkleTree.of(leaves, ["address"]);
  out.push({ addresses: leaves.flat(), root: tree.root, proofs: leaves.map((leaf) => tree.getProof(leaf)) });
}
require("fs").writeFileSync("there.json", JSON.stringify(out));'
PYTHONPATH=lib python3 - <<'PYTHON'
import importlib.metadata
import json

from Crypto.Hash import keccak
from merkletree import MerkleTree

print("merkletree-ethadd", importlib.metadata.version("merkletree-ethadd"))


def keccak256(data):
    return keccak.new(digest_bits=256, data=data).digest()


def leaf(address):
    return keccak256(keccak256(bytes(12) + bytes.fromhex(address[2:])))


def root_of(address, proof):
    """The root to which a proof leads, as a contract with OpenZeppelin's MerkleProof reckons it."""
    node = leaf(address)
    for sibling in proof:
        node = keccak256(b"".join(sorted([node, bytes.fromhex(sibling[2:])])))
    return "0x" + node.hex()


for there in json.load(open("there.json")):
    addresses = there["addresses"]
    tree = MerkleTree()
    tree.make_from_values(addresses)
    root = tree.getRoot()
    ordered = sorted(addresses, key=leaf)
    good = [root_of(address, tree.getProof(address)) == root for address in ordered]
    mirrored = [root_of(address, tree.getProof(other)) == root for address, other in zip(ordered, reversed(ordered))]
    right = sum(root_of(address, proof) == there["root"] for address, proof in zip(addresses, there["proofs"]))
    same = root == there["root"]
    print(f"{len(addresses)} addresses: {sum(good)} proofs lead to the root (OpenZeppelin: {right}), root as there: {same}")
    assert all(mirrored) and right == len(addresses)
    assert good == [2 * place + 1 == len(addresses) for place in range(len(addresses))]
    assert same == (len(addresses) in (2, 4, 8))
print("as described: the proof is of the other end")
PYTHON
