#!/usr/bin/env bash
# simpler-rlp (Python): most numbers from 16 on get a zero byte in front, and so do the lengths of many longer texts and lists.
#
# Guess: Recursive Length Prefix as in Ethereum: an integer is its bytes without zeros in front, 0 is the empty text (0x80), and the length
# of 56 bytes or more is written in as few bytes as it needs.
# Happens: the bytes that a number needs are counted as round((bits + 7) / 8), which is one too many for 6, 7 or 8 bits beyond whole bytes
# and now and then for 5: 16 is 0010, 255 is 00ff, and 21000, the gas of a plain payment, is 005208. The page's own example shows 255
# as 81ff; it is 8200ff. 0 is 00. Lengths are counted in the same way: a text of 56 bytes begins with b90038, where b838 is right.
# Hurts: transactions and node records: other nodes refuse zeros in front (as they must, there is one encoding only), and hashes over the
# encoding differ. Its own decode() takes all that, so that a test of both ways passes; 1 to 15 and short texts are right.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m pip --version >/dev/null 2>&1 || { python3 -m venv env && PATH=$dir/env/bin:$PATH; }
python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --no-compile --target lib simpler-rlp==0.0.1
npm install --silent --no-audit --no-fund --ignore-scripts @ethereumjs/rlp@10.1.3 >/dev/null
node --input-type=module -e '
import { readFileSync, writeFileSync } from "node:fs";
import { RLP } from "@ethereumjs/rlp";
const hex = (value) => Buffer.from(RLP.encode(value)).toString("hex");
const out = { numbers: [], texts: [] };
for (let number = 0; number < 70000; number++) out.numbers.push(hex(number));
for (let length = 0; length < 400; length++) out.texts.push(hex("a".repeat(length)));
out.refused = [];
for (const bytes of ["b90038" + "61".repeat(56), "b838" + "61".repeat(56)]) {
  try { RLP.decode(Buffer.from(bytes, "hex")); out.refused.push(""); } catch (error) { out.refused.push(error.message); }
}
writeFileSync("right.json", JSON.stringify(out));
console.log("@ethereumjs/rlp", JSON.parse(readFileSync("node_modules/@ethereumjs/rlp/package.json")).version);'
PYTHONPATH=lib python3 - <<'PYTHON'
import importlib.metadata
import json

import simpler_rlp

print("simpler-rlp", importlib.metadata.version("simpler-rlp"))
right = json.load(open("right.json"))
for number in (0, 15, 16, 127, 255, 256, 21000):
    print(f"{number}: {simpler_rlp.encode(number).hex()}, right: {right['numbers'][number]}")
wrong = [number for number, there in enumerate(right["numbers"]) if simpler_rlp.encode(number).hex() != there]
print(f"{len(wrong)} of {len(right['numbers'])} numbers differ, the first are {wrong[:4]}")
assert wrong[:4] == [0, 16, 17, 18] and 21000 in wrong and 0.5 < len(wrong) / len(right["numbers"]) < 0.95
assert simpler_rlp.encode(21000).hex() == "83005208" and right["numbers"][21000] == "825208"
assert int.from_bytes(simpler_rlp.decode(simpler_rlp.encode(21000)), "big") == 21000, "its own decode() takes it"
assert simpler_rlp.encode(["python", "rlp", 255]).hex() != b"\xcd\x86python\x83rlp\x81\xff".hex(), "the example of its page"
longer = [length for length, there in enumerate(right["texts"]) if simpler_rlp.encode("a" * length).hex() != there]
first = simpler_rlp.encode("a" * 56)[:3].hex()
print(f"texts of {longer[0]} to {longer[-1]} bytes differ; of 56: {first}, right: {right['texts'][56][:4]}")
assert longer == list(range(56, 256))
print("another decoder says of the former:", right["refused"][0])
assert right["refused"][0] and not right["refused"][1]
print("as described: zeros are put in front")
PYTHON
