#!/usr/bin/env bash
# The invertible Bloom filter of the npm package bloom-filters cannot give back an element that begins with a zero byte.
#
# Guess: elements are Buffers, as the documentation demands, so any bytes will do. A set of 32-byte hashes is what the
# structure is made for: subtract two filters, decode, and have the hashes that only one side knows.
# Happens: cells drop leading zeros from the XOR of their elements, and the hash that a cell keeps is of the whole element.
# The two never match again: has() is false directly after add(), and decode() of this one element fails. Twenty elements
# decode well without it; one that begins with a zero byte spoils the decoding for good, in a filter of any size.
# Hurts: set reconciliation of peers. One random hash in 256 begins so, thus every 13th difference of 20 hashes fails and a
# retry with a larger filter fails too; of block hashes with proof of work, written in their usual order, all do.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund bloom-filters@3.0.4 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const { createHash } = require("crypto");
const { InvertibleBloomFilter } = require("bloom-filters");
console.log("bloom-filters", require("bloom-filters/package.json").version);

function decode(hashes, cells) {
  const filter = new InvertibleBloomFilter(cells, 4);
  hashes.forEach((hash) => filter.add(hash));
  const { success, additional } = filter.substract(new InvertibleBloomFilter(cells, 4)).decode();
  const found = hashes.filter((hash) => additional.some((other) => other.equals(hash)));
  return { success, found: found.length, has: filter.has(hashes[0]) };
}

const hashes = [...Array(20).keys()].map((i) => createHash("sha256").update(`transaction ${i}`).digest());
assert(hashes.every((hash) => hash[0] !== 0 && hash[31] !== 0));
const last = Buffer.from(hashes[0]);
last[31] = 0;
const first = Buffer.from(hashes[0]);
first[0] = 0;
const cases = {
  "20 hashes, 300 cells": decode(hashes, 300),
  "one ends with zero": decode([last, ...hashes.slice(1)], 300),
  "one begins with zero": decode([first, ...hashes.slice(1)], 300),
  "the same, 5000 cells": decode([first, ...hashes.slice(1)], 5000),
  "this one alone": decode([first], 300),
};
for (const [name, result] of Object.entries(cases)) {
  console.log(`${name}: decoded ${result.success}, ${result.found} found, has() ${result.has}`);
}
const results = Object.values(cases);
assert.deepStrictEqual(results.map((r) => r.success), [true, true, false, false, false]);
assert.deepStrictEqual(results.map((r) => r.has), [true, true, false, false, false]);
assert.deepStrictEqual([results[0].found, results[1].found, results[4].found], [20, 20, 0]);
console.log("as described: an element that begins with a zero byte is lost");
JS
node finding.js
