#!/usr/bin/env bash
# @ygoe/msgpack (npm): 2^63 is written as -2^63, 2^64 as 0, and each larger number as 2^64 - 1.
#
# Guess: the package "supports the complete MessagePack specification", in which a number that fits no integer of 64 bits is a
# float of 64 bits. Numbers in JavaScript are such floats, so that each comes back as it was.
# Happens: whatever has no fraction is written as an integer, however large. From 2^63 on the upper half is computed with a sign,
# and what exceeds the range is set to its end: 1e20 and 1e300 are both 18446744073709551615, -1e300 is -2^63, and -2^63
# itself, which is in the range, is +2^63. No error is raised. @msgpack/msgpack and tiny-msgpack are right.
# Hurts: amounts in the smallest unit of a coin with 18 decimals (10 coins are 1e19), difficulties, and sums of work of a
# chain: a balance of 9.3 coins arrives as a negative one, all above 18.4 as the same. Below 2^63, as in tests, it is right.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund @ygoe/msgpack@1.0.3 @msgpack/msgpack@3.1.2 tiny-msgpack@2.2.0 >/dev/null
cat >finding.js <<'JS'
import assert from "assert";
import { readFileSync } from "fs";
import ygoe from "@ygoe/msgpack";
import { decode, encode } from "@msgpack/msgpack";
import * as tiny from "tiny-msgpack";
for (const name of ["@ygoe/msgpack", "@msgpack/msgpack", "tiny-msgpack"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version);
}
const most = Number(2n ** 64n - 1n);
for (const [number, wanted] of [
  [2 ** 53 - 1, 2 ** 53 - 1],
  [2 ** 63 - 1024, 2 ** 63 - 1024],
  [2 ** 63, -(2 ** 63)],
  [1e19, Number(10n ** 19n - 2n ** 64n)],
  [2 ** 64 - 2048, -2048],
  [2 ** 64, 0],
  [2 ** 64 + 4096, most],
  [1e20, most],
  [1e300, most],
  [-(2 ** 63) + 1024, -(2 ** 63) + 1024],
  [-(2 ** 63), 2 ** 63],
  [-1e300, -(2 ** 63)],
]) {
  const bytes = ygoe.serialize(number);
  console.log(`${number} as ${Buffer.from(bytes).toString("hex")} is ${ygoe.deserialize(bytes)}`);
  assert.equal(ygoe.deserialize(bytes), wanted);
  assert.equal(decode(bytes), wanted);
  assert.equal(decode(encode(number)), number);
  assert.equal(decode(tiny.encode(number)), number);
}
console.log("as described: from 2^63 on it is another number");
JS
node finding.js
