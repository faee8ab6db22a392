#!/usr/bin/env bash
# merkle-patricia-trie (Python): a key that was never stored has the value of a longer one.
#
# Guess: get(key) is None for what is not stored, as it is for a dict and for Ethereum's trie, from whose documents the example of the
# page comes: do is "verb", dog "puppy", doge "coin", horse "stallion".
# Happens: in that example get("h") is "stallion" and get("d") raises AttributeError ("'Extension' object has no attribute 'data'").
# Where the key ends at a node, the rest of that node's path is not looked at: a leaf gives its value, whatever is left of its key;
# an extension has none to give. "ho", "hors" and "x" are None, as they end within a path. update() and delete() compare
# whole keys, and so do roots: after update("h", ...) both are right.
# Hurts: state that is kept by keys of different lengths, such as numbers in RLP: "is there an entry for this?" is yes for some, and
# the value is another's. Keys of one length, or secure=True, which hashes them, hide it.
# Way out: store the key within the value, and compare; or keys of one length.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check merkle-patricia-trie==0.4.0 rlp==4.1.0 pycryptodome==3.23.0
cat >finding.py <<'PY'
from importlib.metadata import version

from mpt import MerklePatriciaTrie

print("merkle-patricia-trie", version("merkle-patricia-trie"))
words = {b"do": b"verb", b"dog": b"puppy", b"doge": b"coin", b"horse": b"stallion"}


def filled(**options):
    trie = MerklePatriciaTrie({}, **options)
    for key, value in words.items():
        trie.update(key, value)
    assert all(trie.get(key) == value for key, value in words.items())
    return trie


trie = filled()
for key in (b"h", b"ho", b"hors", b"horses", b"x"):
    print(f"{key}: {trie.get(key)}")
    assert trie.get(key) == (b"stallion" if key == b"h" else None)
try:
    raise AssertionError(trie.get(b"d"))
except AttributeError as error:
    print("b'd':", repr(error))
assert filled(secure=True).get(b"h") is None

trie.update(b"h", b"letter")
trie.update(b"d", b"letter")
after = {key: trie.get(key) for key in (b"h", b"d", *words)}
print("after an update of h and d:", after)
assert after == {b"h": b"letter", b"d": b"letter", **words}
print("as described: h is a stallion until it is a letter")
PY
env/bin/python finding.py
