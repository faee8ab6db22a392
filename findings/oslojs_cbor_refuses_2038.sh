#!/usr/bin/env bash
# @oslojs/cbor refuses each integer from 2^31 to 2^32 - 1, and with it times after January 2038.
#
# Guess: CBOR writes integers in 1, 2, 3, 5 or 9 bytes, and a decoder reads all of them: 2147483648 is 1A 80000000.
# Happens: the four bytes are put together with a signed shift and then looked at as a negative number, which ends in a TypeError
# without a text. The same holds for negative integers. Smaller ones are right, and so are larger ones, which have eight
# bytes. The fault lies in the package @oslojs/binary, whose uint32 has a sign.
# Hurts: readers of signed tokens and of attestations (the package is made for those): a token that expires on 2038-01-20 is
# "invalid", and so is a counter or an IPv4 address above 127.255.255.255. Tests with today's times pass.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund @oslojs/cbor@1.0.0 @oslojs/binary@1.0.0 cbor-x@1.6.9 >/dev/null
cat >finding.js <<'JS'
import assert from "assert";
import { readFileSync } from "fs";
import { decodeCBORToNativeValueNoLeftoverBytes } from "@oslojs/cbor";
import { bigEndian } from "@oslojs/binary";
import { decode } from "cbor-x";
for (const name of ["@oslojs/cbor", "@oslojs/binary", "cbor-x"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version);
}
function read(bytes) {
  try {
    return decodeCBORToNativeValueNoLeftoverBytes(new Uint8Array(bytes), 4);
  } catch (error) {
    return `${error.name} with the text "${error.message}"`;
  }
}
const late = Date.parse("2038-01-20T00:00:00Z") / 1000;
for (const [number, text, right] of [
  [2 ** 31 - 1, "1a7fffffff", true],
  [2 ** 31, "1a80000000", false],
  [late, "1a80012400", false],
  [2 ** 32 - 1, "1affffffff", false],
  [-(2 ** 31), "3a7fffffff", true],
  [-(2 ** 31) - 1, "3a80000000", false],
  [-(2 ** 32), "3affffffff", false],
]) {
  const bytes = Buffer.from(text, "hex");
  console.log(`${number} as ${text}: ${read(bytes)}`);
  assert.equal(Number(decode(bytes)), number);
  assert.equal(read(bytes) === number, right);
  if (!right) assert.equal(read(bytes), 'TypeError with the text ""');
}
const large = Buffer.from("1b0000000100000000", "hex");
console.log(`2^32 as ${large.toString("hex")}: ${read(large)}`);
assert.equal(Number(read(large)), 2 ** 32);
const four = bigEndian.uint32(new Uint8Array([0x80, 0, 0, 0]), 0);
console.log(`bigEndian.uint32 of 80000000: ${four}`);
assert.equal(four, -(2 ** 31));
console.log("as described: half of the integers of 32 bits are refused");
JS
node finding.js
