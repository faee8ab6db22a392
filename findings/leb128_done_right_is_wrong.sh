#!/usr/bin/env bash
# @minhducsun2002/leb128 (npm): 2^32 is written as 0, the time in milliseconds as another time, and -100 as 28.
#
# Guess: "LEB128 numbers, done right". encode() takes each safe integer and refuses others; decode() gives it back, negative ones
# with the third argument. The bytes are those of the standard (DWARF, WebAssembly), which any other reader understands.
# Happens: both directions count in 32 bits. Above, the higher bits are dropped when writing and land in the lower ones when
# reading: 1,795,972,761,394 becomes 676,431,666. Of what others wrote, 2^31 is read as negative. A negative number is written in
# as few groups of seven bits as its digits need, without room for its sign: of -1 to -20,000 more than two fifths are wrong,
# -1 is 00, -100 is 1C, and another reader sees 0 and 28. Its own decode() gives -4 for -100, and -0 for -64. (Between the numbers
# shown there are some for which encode() does not end; they are left out.) @thi.ng/leb128 is right.
# Hurts: protocols with varints for heights, sizes, times and differences: all is well up to 2 GiB and until a difference is
# -1. No error is raised; the reader takes what it gets for a small number.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund @minhducsun2002/leb128@1.0.0 @thi.ng/leb128@3.1.93 >/dev/null
cat >finding.mjs <<'JS'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import leb128 from "@minhducsun2002/leb128";
import { decodeSLEB128, decodeULEB128, encodeSLEB128, encodeULEB128 } from "@thi.ng/leb128";
for (const name of ["@minhducsun2002/leb128", "@thi.ng/leb128"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version);
}
const { LEB128 } = leb128;
const hex = (bytes) => Buffer.from(bytes).toString("hex");

const written = [
  [300, 300],
  [2 ** 31 - 1, 2 ** 31 - 1],
  [2 ** 32, 0],
  [2 ** 40 + 5, 5],
  [1795972761394, 676431666],
];
for (const [number, expected] of written) {
  const bytes = LEB128.encode(number);
  console.log(`${number} is written as ${hex(bytes)}, which is ${decodeULEB128(bytes)[0]}; right is ${hex(encodeULEB128(number))}`);
  assert.strictEqual(decodeULEB128(bytes)[0], BigInt(expected));
  assert.strictEqual(LEB128.decode(bytes), expected);
}
const read = [
  [2 ** 31, -(2 ** 31)],
  [2 ** 32, 0],
  [2 ** 35, 8],
];
for (const [number, expected] of read) {
  const bytes = encodeULEB128(number);
  console.log(`${hex(bytes)}, which is ${number}, is read as ${LEB128.decode(bytes)}`);
  assert.strictEqual(LEB128.decode(bytes), expected);
}
const negative = [
  [-2, -2, -2],
  [-1, 0, -1],
  [-64, -64, -0],
  [-100, 28, -4],
  [-8193, 8191, -1],
];
for (const [number, others, own] of negative) {
  const bytes = LEB128.encode(number);
  const [theirs] = decodeSLEB128(bytes);
  console.log(`${number} is written as ${hex(bytes)}, others read ${theirs}, it reads`, LEB128.decode(bytes, 0, true));
  assert.strictEqual(theirs, BigInt(others));
  assert(Object.is(LEB128.decode(bytes, 0, true), own));
}
let wrong = 0;
for (let number = 1; number <= 20000; number++) wrong += hex(LEB128.encode(-number)) !== hex(encodeSLEB128(-number));
console.log(`of -1 to -20000 ${wrong} are written wrongly`);
assert.strictEqual(wrong, 8257);
console.log("as described: large numbers become small, and negative ones others");
JS
node finding.mjs
