#!/usr/bin/env bash
# charwise (npm): two different keys may have one encoding, and a string with a zero byte does not come back.
#
# Guess: charwise says it is "like bytewise, except as strings". Keys keep their order, different keys stay different, and
# decode() gives back what encode() got.
# Happens: a zero character is written as \x01 and \x01 as \x01\x01, so that the strings "\0\0" and "\x01" get the same key.
# decode() does not undo the escape at all, also within arrays. "a\0b" sorts behind "a\x01". Strings without these two
# characters are right; bytewise is right for all of them.
# Hurts: key-value stores (level, flumedb) whose keys hold hashes or public keys as binary strings: of random 32-byte hashes
# more than a fifth are changed when a range is read back, and lookups by what was read find nothing. Keys in hexadecimal
# are not affected.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund charwise@3.0.1 bytewise@1.1.0 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const { createHash } = require("crypto");
const bytewise = require("bytewise");
const charwise = require("charwise");
for (const name of ["charwise", "bytewise"]) console.log(name, require(`${name}/package.json`).version);
const show = JSON.stringify;

for (const [a, b] of [["\0\0", "\x01"], [["\0\0", 1], ["\x01", 1]]]) {
  console.log(`charwise: ${show(a)} is ${show(charwise.encode(a))}, ${show(b)} is ${show(charwise.encode(b))}`);
  assert.equal(charwise.encode(a), charwise.encode(b));
  assert.notDeepEqual(bytewise.encode(a), bytewise.encode(b));
}

const back = charwise.decode(charwise.encode("a\0b"));
console.log(`charwise: "a\\0b" comes back as ${show(back)}`);
assert.equal(back, "a\x01b");
assert.equal(bytewise.decode(bytewise.encode("a\0b")), "a\0b");

assert.ok("a\0b" < "a\x01");
assert.ok(charwise.encode("a\0b") > charwise.encode("a\x01"));
assert.ok(Buffer.compare(bytewise.encode("a\0b"), bytewise.encode("a\x01")) < 0);
console.log('charwise: "a\\0b" sorts behind "a\\x01"');

const changed = (codec, encoding) => {
  const hashes = Array.from({ length: 10000 }, (_, i) => createHash("sha256").update(`block ${i}`).digest(encoding));
  return hashes.filter((hash) => codec.decode(codec.encode([hash]))[0] !== hash).length;
};
const counts = [changed(charwise, "latin1"), changed(bytewise, "latin1"), changed(charwise, "hex")];
console.log(`of 10,000 hashes come back changed: charwise ${counts[0]}, bytewise ${counts[1]}, charwise in hex ${counts[2]}`);
assert.ok(counts[0] > 2000);
assert.deepEqual(counts.slice(1), [0, 0]);
console.log("as described: zero bytes are not escaped");
JS
node finding.js
