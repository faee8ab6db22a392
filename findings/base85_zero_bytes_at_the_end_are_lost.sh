#!/usr/bin/env bash
# base85 (npm): with its encoding "ascii85", zero bytes at the end are lost, and sometimes the text cannot be read at all.
#
# Guess: Ascii85 writes four zero bytes as "z", and the last group, if it is shorter, with one digit more than it has bytes. Any
# bytes come back from decode().
# Happens: the last group is filled up with zero bytes. If it is all zero then, it becomes a "z" first, and only then the
# digits that were added are cut off: the "z", and one to three digits of the group before it. "ff ff ff ff 00 00 00" becomes
# ffffffff, deadbeef00 becomes dead, ffffffff00 is false, and a single zero byte is nothing. Numbers of bytes that divide by
# four are right, and so are the package's "a85" and "z85".
# Hurts: who stores or sends hashes, keys or packed integers of another length in that form: one in 256 of 33 bytes, such as a
# compressed key or a hash with a type in front, ends with a zero byte. In little-endian numbers it is the usual end.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund base85@3.2.0 ascii85@1.0.2 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const { createHash } = require("crypto");
const base85 = require("base85");
const { PostScript } = require("ascii85");
for (const name of ["base85", "ascii85"]) console.log(name, require(`${name}/package.json`).version);

const through = bytes => base85.decode(base85.encode(bytes, "ascii85"), "ascii85");
for (const [hex, wanted] of [
  ["ffffffff00000000", "ffffffff00000000"],
  ["ffffffff0001", "ffffffff0001"],
  ["ffffffff000000", "ffffffff"],
  ["ffffffff00", false],
  ["deadbeef00", "dead"],
  ["aa00000000", "aa00"],
  ["00", ""],
]) {
  const bytes = Buffer.from(hex, "hex");
  const text = base85.encode(bytes, "ascii85");
  const read = through(bytes);
  const right = PostScript.encode(bytes).toString();
  console.log(`${hex}: ${text}, right is ${right}, read: ${read && `"${read.toString("hex")}"`}`);
  assert.equal(read && read.toString("hex"), wanted);
  assert.equal(PostScript.decode(right).toString("hex"), hex);
  assert.equal(text === right, hex === wanted);
  assert.equal(base85.decode(base85.encode(bytes, "a85"), "a85").toString("hex"), hex);
}

let [lost, count] = [0, 10000];
for (let number = 0; number < count; number++) {
  const bytes = Buffer.concat([Buffer.from([2]), createHash("sha256").update(`key ${number}`).digest()]);
  const read = through(bytes);
  const same = read && read.equals(bytes);
  assert.equal(!same, bytes[32] === 0);
  lost += !same;
}
console.log(`${lost} of ${count} values of 33 bytes do not come back`);
assert.ok(lost > 0);
console.log("as described: zeros at the end take others along");
JS
node finding.js
