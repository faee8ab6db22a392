#!/usr/bin/env bash
# @thi.ng/rle-pack (npm): data that ends in a run of 65,537 equal values cannot be read again.
#
# Guess: encodeBinary() is lossless for any array: "if a value is repeated more often than that [65,536 times], the remainder
# will be encoded using additional RLE chunks".
# Happens: when the longest run has been written, and exactly one value is left at the end of the array, the encoder takes it as
# written. decodeBinary() then asks for more than there is and throws "can't read past EOF". One value more or less,
# or any other value behind, and all is right. With groups of one's own the length is the largest of them and one: 513 for
# [1, 2, 3, 9], which are those of the example. Also 131,073 and so on.
# Hurts: bitmaps, images of memory and sparse files, which end in zeros: with 64 KiB and one byte of them, or any multiple and one,
# the encoded copy is written without an error, and what was lost is known when it is needed.
# Way out: decode what was encoded before the original is dropped; or append one value that differs.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund @thi.ng/rle-pack@3.2.12 >/dev/null
cat >finding.mjs <<'JS'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { decodeBinary, encodeBinary } from "@thi.ng/rle-pack";
console.log("@thi.ng/rle-pack", JSON.parse(readFileSync("node_modules/@thi.ng/rle-pack/package.json")).version);

function result(data, bits = 8, groups = undefined) {
  try {
    const read = decodeBinary(encodeBinary(data, data.length, bits, groups));
    return Buffer.from(read).equals(Buffer.from(data)) ? "right" : "wrong";
  } catch (error) {
    return error.message;
  }
}

const lost = "illegal state: can't read past EOF";
for (const length of [100, 65536, 65537, 65538, 131072, 131073, 131074]) {
  const run = new Uint8Array(length);
  const after = Uint8Array.from([1, 2, 3, ...run]);
  const before = Uint8Array.from([...run, 4]);
  const results = [run, after, before].map((data) => result(data));
  console.log(`${length} zeros: ${results[0]}; behind other data: ${results[1]}; before other data: ${results[2]}`);
  assert.deepStrictEqual(results, length % 65536 === 1 ? [lost, lost, "right"] : ["right", "right", "right"]);
}
const failing = [];
for (let length = 1; length <= 1100; length++) {
  if (result(new Uint8Array(length).fill(5), 3, [1, 2, 3, 9]) !== "right") failing.push(length);
}
console.log("with the groups of the example, runs that are lost:", failing);
assert.deepStrictEqual(failing, [513, 1025]);
console.log("as described: the last value of a long run is not written");
JS
node finding.mjs
