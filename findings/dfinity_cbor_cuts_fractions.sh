#!/usr/bin/env bash
# @dfinity/cbor (npm): 1.5 is written as 1, 0.75 as 0 and -0.5 as -1; a date is written as an empty map.
#
# Guess: the package leaves out parts of CBOR and lists them ("not implemented": custom tags, texts of no definite length). Numbers
# are not in the list: a fraction becomes a floating-point number, as in RFC 8949, or encode() throws.
# Happens: each number is written as an integer, and the bytes of a fraction are those of its whole part. -0.5 is -1, as negative
# numbers count from -1. Above 2^32, NaN and infinity an error is thrown, so that the check seems to be there. Of a
# Date, a Map and a Set nothing remains but an empty map. (decode() refuses floating-point numbers of others, with an error.)
# @atcute/cbor, as small, is right with fractions and refuses the rest.
# Hurts: clients of a ledger that put a rate, a fee or a share of 0.75 into a request that is signed or hashed: what is signed
# says 0. Tests with whole numbers pass.
# Way out: pass fractions as integers of a smaller unit, and times as integers of nanoseconds.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund @dfinity/cbor@0.2.3 @atcute/cbor@2.3.6 >/dev/null
cat >finding.mjs <<'JS'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { decode, encode } from "@dfinity/cbor";
import * as other from "@atcute/cbor";
for (const name of ["@dfinity/cbor", "@atcute/cbor"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version);
}
const hex = (bytes) => Buffer.from(bytes).toString("hex");

const numbers = [[2, 2], [1.5, 1], [0.75, 0], [-0.5, -1], [-1.5, -1], [256.5, 256], [70000.25, 70000]];
for (const [number, read] of numbers) {
  const bytes = encode(number);
  console.log(`${number} is written as ${hex(bytes)}, which is ${decode(bytes)}; the other package writes ${hex(other.encode(number))}`);
  assert.strictEqual(decode(bytes), read);
  assert.strictEqual(other.decode(bytes), read);
  assert.strictEqual(other.decode(other.encode(number)), number);
}
for (const value of [2 ** 32 + 0.5, Infinity, NaN]) {
  assert.throws(() => encode(value));
}
assert.strictEqual(hex(encode({ share: 0.75 })), hex(encode({ share: 0 })));

for (const value of [new Date(0), new Map([["a", 1]]), new Set([1])]) {
  console.log(`a ${value.constructor.name} is written as ${hex(encode(value))}`);
  assert.strictEqual(hex(encode(value)), "a0");
  assert.throws(() => other.encode(value));
}
console.log("as described: what is behind the point is gone");
JS
node finding.mjs
