#!/usr/bin/env bash
# @sundaeswap/bigint-math (npm): the square root of 10^60 is 1.78 × 10^30, that of 3 is 2, and with require() there is none.
#
# Guess: sqrt(value: bigint) is the whole part of the square root, as integer roots of amounts are: sqrt(n)² is at most n, and the
# root of a square is exact. The package is from an exchange, where the first share of a pool is sqrt(x × y).
# Happens: Newton's method is stopped after a hundred steps, wherever it is. From the value itself it takes one step for each
# bit down to the root and some more, so that from (2^94)² on it has not arrived, and the root of 10^72 is a million times too
# large. Just below a square it swings between two numbers and ends at either: 3, 24 and 120 have the root of the next
# square, 8 and 15 their own. The file for CommonJS was compiled with Math.pow(), which takes no BigInt: each call raises.
# Hurts: whoever counts shares, prices or votes (quadratic ones) with it: a root that was rounded up hands out more than there is,
# by one unit; tokens with 18 decimals, of which a trillion is 10^30, reach the other end.
# Way out: correct the result by one and limit it to 56 digits, or write the dozen lines anew.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund @sundaeswap/bigint-math@0.6.3 >/dev/null
cat >finding.js <<'JS'
import assert from "assert";
import { createRequire } from "module";
import { readFileSync } from "fs";
import { sqrt } from "@sundaeswap/bigint-math";
const name = "@sundaeswap/bigint-math";
console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version);

for (const [value, wanted] of [
  [3n, 2n],
  [8n, 2n],
  [15n, 3n],
  [24n, 5n],
  [120n, 11n],
  [999999n * 1000001n, 1000000n],
]) {
  console.log(`sqrt(${value}) is ${sqrt(value)}`);
  assert.equal(sqrt(value), wanted);
}
const large = [];
for (let value = 0n; value <= 10000n; value++) {
  const root = sqrt(value);
  if (root * root > value) large.push(value);
  else assert.ok((root + 1n) * (root + 1n) > value);
}
console.log(`of 0 to 10,000 there are ${large.length} whose root is too large`);
assert.equal(large.length, 35);
assert.ok(large.every(value => Number.isInteger(Math.sqrt(Number(value) + 1))));

for (const digits of [18, 28, 30, 36, 40]) {
  const right = 10n ** BigInt(digits);
  const root = sqrt(right * right);
  console.log(`sqrt(10^${2 * digits}) is ${Number((root * 1000n) / right) / 1000} × 10^${digits}`);
  assert.equal(root === right, digits < 30);
  if (digits >= 30) assert.ok(root > (right * 17n) / 10n);
}
const first = Array.from({ length: 200 }, (_, bits) => 2n ** BigInt(bits)).findIndex(root => sqrt(root * root) !== root);
console.log(`the first power of two whose square has another root: 2^${first}`);
assert.equal(first, 94);

assert.throws(() => createRequire(import.meta.url)(name).sqrt(4n), /Cannot convert a BigInt value to a number/);
console.log("with require(): Cannot convert a BigInt value to a number");
console.log("as described: roots that are too large, or none");
JS
node finding.js
