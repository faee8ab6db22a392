#!/usr/bin/env bash
# lexicographic-integer and compact-encoding's lexint (npm): times in microseconds share their keys by the hundred.
#
# Guess: the encoding makes keys whose bytes sort as the numbers do. It is exact for whatever integer a JavaScript number can
# hold exactly, to 2^53, and each number has its own key. lexicographic-integer-encoding checks for that bound.
# Happens: from 2^32 on a key holds an exponent and the 44 highest bits. From 2^44 on neighbours get the same key: of 10,000
# consecutive microseconds of today there are about 80 keys, and decoding gives the first number of each group. (That a
# number comes back changed is reported upstream.) lexint in compact-encoding, of the hypercore family, has one more gap:
# 251 numbers from 2^32 on are written with the exponent -1, sort behind all others, and cannot be read.
# Hurts: logs, queues and indexes with a time, a balance or a sequence number in the key: puts overwrite each other, and no
# error is raised. Milliseconds are right until the year 2527.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund lexicographic-integer@1.1.0 lexicographic-integer-encoding@1.0.1 \
  compact-encoding@3.5.2 bytewise@1.1.0 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const bytewise = require("bytewise");
const compact = require("compact-encoding");
const wrapped = require("lexicographic-integer-encoding")("hex", { strict: true });
const plain = require("lexicographic-integer");
const names = ["lexicographic-integer", "lexicographic-integer-encoding", "compact-encoding", "bytewise"];
for (const name of names) console.log(name, require(`${name}/package.json`).version);

const lexint = (number) => compact.encode(compact.lexint, number).toString("hex");
const codecs = {
  "lexicographic-integer": [(number) => plain.pack(number, "hex"), plain.unpack],
  "lexicographic-integer-encoding": [wrapped.encode, wrapped.decode],
  "compact-encoding": [lexint, (key) => compact.decode(compact.lexint, Buffer.from(key, "hex"))],
  bytewise: [(number) => bytewise.encode(number).toString("hex"), (key) => bytewise.decode(Buffer.from(key, "hex"))],
};
const range = (from, count) => Array.from({ length: count }, (_, i) => from + i);
const milliseconds = range(Date.UTC(2026, 10, 29), 10000);
const microseconds = range(Date.UTC(2026, 10, 29) * 1000, 10000);
assert.ok(microseconds.every(Number.isSafeInteger));

for (const [name, [encode, decode]] of Object.entries(codecs)) {
  const keys = (numbers) => new Set(numbers.map(encode)).size;
  const changed = microseconds.filter((number) => decode(encode(number)) !== number).length;
  console.log(`${name}: 10,000 milliseconds, ${keys(milliseconds)} keys; ` +
    `10,000 microseconds, ${keys(microseconds)} keys, ${changed} come back changed`);
  assert.equal(keys(milliseconds), 10000);
  if (name === "bytewise") assert.deepEqual([keys(microseconds), changed], [10000, 0]);
  else assert.ok(keys(microseconds) < 100 && changed > 9900);
}

const gap = range(2 ** 32 - 1, 253).filter((number) => {
  assert.equal(plain.unpack(plain.pack(number)), number);
  try {
    return compact.decode(compact.lexint, compact.encode(compact.lexint, number)) !== number;
  } catch (error) {
    assert.match(error.message, /Out of bounds/);
    return true;
  }
});
console.log(`compact-encoding: ${gap.length} numbers, ${gap[0]} to ${gap.at(-1)}, cannot be read: "Out of bounds"`);
assert.deepEqual([gap.length, gap[0]], [251, 2 ** 32]);
assert.ok(lexint(2 ** 32) > lexint(Number.MAX_SAFE_INTEGER));
console.log("as described: different numbers have one key");
JS
node finding.js
