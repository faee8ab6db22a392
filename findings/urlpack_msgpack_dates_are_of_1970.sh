#!/usr/bin/env bash
# @urlpack/msgpack (npm): a time of a whole second, written by any other package, is read as a moment of January 1970.
#
# Guess: MessagePack has a type for times: the seconds since 1970 in four bytes if there is no fraction, else eight or twelve
# bytes. The package writes and reads a Date in the first two forms. A time from another program is that time; one that does
# not fit is refused, as the form of twelve bytes is.
# Happens: the reader of the short form divides the seconds by a thousand, where it should multiply: 2026-11-29 00:00:00 is
# 1970-01-01 00:29:55.910. All whole seconds are read so; with a fraction they are right. The writer takes the
# seconds modulo 2^32: 2200-01-01 is written as 2063-11-24, and 1900-01-01 as 2036-02-07. A BigInt of 2^64 is written as 0.
# Hurts: readers of block times, leases and expiry times, which are whole seconds as a rule: all are long past. What the package
# writes itself goes through the same reader, so that its own round trip of a whole second is wrong too.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund @urlpack/msgpack@2.0.1 @msgpack/msgpack@3.1.2 @ygoe/msgpack@1.0.3 >/dev/null
cat >finding.js <<'JS'
import assert from "assert";
import { readFileSync } from "fs";
import { makeMessagePackDecoder, makeMessagePackEncoder } from "@urlpack/msgpack";
import { decode, encode } from "@msgpack/msgpack";
import ygoe from "@ygoe/msgpack";
for (const name of ["@urlpack/msgpack", "@msgpack/msgpack", "@ygoe/msgpack"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version);
}
const reader = makeMessagePackDecoder();
const writer = makeMessagePackEncoder();

console.log("read:");
for (const [text, short] of [
  ["2026-11-29T00:00:00.000Z", true],
  ["2023-11-14T22:13:20.000Z", true],
  ["2023-11-14T22:13:20.500Z", false],
  ["2037-01-01T00:00:00.000Z", true],
]) {
  const time = new Date(text);
  const bytes = encode(time);
  const read = reader.decode(bytes);
  console.log(" ", text, Buffer.from(bytes).toString("hex"), "is", read.toISOString());
  assert.equal(+decode(bytes), +time);
  assert.equal(+ygoe.deserialize(bytes), +time);
  assert.equal(+read, short ? Math.trunc(time / 1e6) : +time);
  assert.equal(bytes.length, short ? 6 : 10);
}

console.log("written, as the two others read it:");
for (const [text, wanted] of [
  ["2023-11-14T22:13:20.000Z", "2023-11-14T22:13:20.000Z"],
  ["2200-01-01T00:00:00.000Z", "2063-11-24T17:31:44.000Z"],
  ["1900-01-01T00:00:00.000Z", "2036-02-07T06:28:16.000Z"],
]) {
  const bytes = writer.encode(new Date(text));
  console.log(" ", text, "is", decode(bytes).toISOString());
  assert.equal(decode(bytes).toISOString(), wanted);
  assert.equal(ygoe.deserialize(bytes).toISOString(), wanted);
}
const zero = decode(writer.encode(2n ** 64n), { useBigInt64: true });
console.log("  2^64 is", zero);
assert.equal(zero, 0n);
console.log("as described: whole seconds are thousandths");
JS
node finding.js
