#!/usr/bin/env bash
# merkle-dag-store (Python): a block's address leaves out its links, so that the second folder with the same data has the first one's files.
#
# Guess: a Merkle DAG: the address of a block is the hash of its data and of the addresses that it links to, so that one root stands for all
# that is below it (as in IPFS or Git). put(data, links) stores both, verify(root, recursive=True) checks "entire DAG".
# Happens: the address is the hash of the data alone, and put() of data that is there already returns before it looks at the links.
# put(b"folder", [new]) after put(b"folder", [old]) gives the same address, which still links to the old file; the new one is linked from
# nowhere, and gc() deletes it although a snapshot was taken of its folder. verify() says True all along, and after link() or an edit of
# the table too, since links are in no hash.
# Hurts: versions of a folder, manifests, commits: whatever says the same about itself and differs in what it links to. Snapshots v1 and
# v2 are one, and what v2 had is gone.
# Way out: write the links into the data.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m pip --version >/dev/null 2>&1 || { python3 -m venv env && PATH=$dir/env/bin:$PATH; }
install() { python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --no-compile --target "$@"; }
install lib merkle-dag-store==1.0.0
PYTHONPATH=lib python3 -W ignore - <<'PYTHON'
import hashlib
import importlib.metadata

from merkle_dag_store import MerkleDAGStore

print("merkle-dag-store", importlib.metadata.version("merkle-dag-store"))


def address(data, links):
    """An address as it should be: over the data and the addresses below it."""
    return hashlib.sha256(len(data).to_bytes(8, "big") + data + b"".join(link.encode() for link in links)).hexdigest()


store = MerkleDAGStore("store")
old, new = (str(store.put(data)) for data in (b"the file of monday", b"the file of tuesday"))
roots = []
for tag, file in [("v1", old), ("v2", new)]:
    root = str(store.put(b"folder", links=[file]))
    store.snapshot(root, tag=tag)
    roots.append(root)
    linked = [store.get(link).decode() for link in store.get_links(root)]
    print(f"{tag}: {root[:16]}... has {linked}, verify: {store.verify(root, recursive=True)} (an address with links: "
          f"{address(b'folder', [file])[:12]}...)")
assert roots[0] == roots[1] and store.get_links(roots[1]) == [old]
assert address(b"folder", [old]) != address(b"folder", [new])
assert store.get_snapshot("v2").root_cid == store.get_snapshot("v1").root_cid

removed = store.gc()
print("after gc():", removed, "removed; the file of v2 is", store.get(new), "and v2 verifies:", store.verify(roots[1], recursive=True))
assert removed == 1 and store.get(new) is None and store.get(old) and store.verify(roots[1], recursive=True)

other = str(store.put(b"the file of wednesday"))
store.link(roots[0], other)
count, well = len(store.get_links(roots[0])), store.verify(roots[0], recursive=True)
print("link() changes what is below the same root:", count, "files, verify:", well)
assert store.get_links(roots[0]) == [old, other] and store.verify(roots[0], recursive=True)
print("as described: links are in no address")
PYTHON
