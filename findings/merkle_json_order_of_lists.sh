#!/usr/bin/env bash
# merkle-json (Python): lists in any order have one hash, and what has true in it another one than with npm's merkle-json.
#
# Guess: the package has the classes, functions and words of the npm package merkle-json, the hash "guarantees" to tell objects
# apart, whatever the order of their keys. [1, 2] and [2, 1] are different JSON, and both packages give one hash for one
# document.
# Happens: the hashes of a list's elements are sorted before they are joined. [1, 2, 3] and [3, 2, 1] are the same, as are a
# route and the way back. In the npm package they differ; the two agree where the hashes happen to be in order. True, False and
# None are hashed in Python's spelling. And the names to be left out are kept for all objects of the program:
# after MerkleJson("checksum") each other one ignores keys with this name too.
# Hurts: caches and replicas that take an equal hash for an equal document: a changed order (of steps, of payments, of bids) is
# not seen, and documents with a boolean are always "changed" for the other language.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check merkle-json==1.0.0
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund merkle-json@2.15.0 >/dev/null
cat >cases.json <<'JSON'
[{"b": 1, "a": "x"}, [1, 2, 3], [3, 2, 1], ["to", "fro"], ["fro", "to"], {"ok": true}, {"ok": null}, {"n": 5, "l": []}]
JSON
cat >other.js <<'JS'
const { MerkleJson } = require("merkle-json");
const cases = JSON.parse(require("fs").readFileSync("cases.json"));
const { version } = JSON.parse(require("fs").readFileSync("node_modules/merkle-json/package.json"));
console.log(JSON.stringify({ version, hashes: cases.map((value) => new MerkleJson().hash(value)) }));
JS
node other.js >other.json
env/bin/python - <<'PYTHON'
import importlib.metadata
import json
from merkle_json.MerkleJson import MerkleJson

other = json.load(open("other.json"))
print("merkle-json", importlib.metadata.version("merkle-json"), "of PyPI and", other["version"], "of npm")
cases = json.load(open("cases.json"))
hashes = [MerkleJson().hash(value) for value in cases]
for value, own, theirs in zip(cases, hashes, other["hashes"]):
    print(f"{json.dumps(value):24} {own[:12]} {theirs[:12]} {'same' if own == theirs else 'other'}")
by_text = {json.dumps(value): (own, theirs) for value, own, theirs in zip(cases, hashes, other["hashes"])}
for one, two in (("[1, 2, 3]", "[3, 2, 1]"), ('["to", "fro"]', '["fro", "to"]')):
    assert by_text[one][0] == by_text[two][0] and by_text[one][1] != by_text[two][1]
agree = [own == theirs for own, theirs in by_text.values()]
assert agree[0] and agree[7] and not agree[5] and not agree[6] and sum(agree[1:3]) == sum(agree[3:5]) <= 1

left = MerkleJson()
before = left.hash({"checksum": 1}), left.hash({"checksum": 2})
MerkleJson("checksum")
after = left.hash({"checksum": 1}), left.hash({"checksum": 2})
print("two documents with the key checksum differ:", before[0] != before[1], "and, after MerkleJson('checksum'):", after[0] != after[1])
assert before[0] != before[1] and after[0] == after[1]
print("as described: the order of a list is not in its hash")
PYTHON
