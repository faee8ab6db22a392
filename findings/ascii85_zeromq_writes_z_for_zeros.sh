#!/usr/bin/env bash
# ascii85 (npm): its ZeroMQ flavour writes four zero bytes as "z", which in Z85 is the digit 35.
#
# Guess: ascii85.ZeroMQ is Z85, the encoding of ZeroMQ's keys: five characters for four bytes, whatever they are. Four zero bytes
# are 00000, as the specification has no abbreviation, and its alphabet uses z.
# Happens: the abbreviation of Ascii85 is left on, though its sign is a digit here. 32 zero bytes are eight characters, which the
# package itself decodes to other bytes, and which other packages refuse or misread. All else agrees with z85-codec and base85.
# Hurts: whoever writes structures with runs of zeros (paddings, counters, an absent key) in Z85: no error is raised, and the
# length of the text, which a ZeroMQ configuration checks, is another one. Random keys of 32 bytes pass.
# Way out: base85 or z85-codec.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund ascii85@1.0.2 z85-codec@0.1.0 base85@3.2.0 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const { createHash } = require("crypto");
const { ZeroMQ } = require("ascii85");
const codec = require("z85-codec");
const base85 = require("base85");
for (const name of ["ascii85", "z85-codec", "base85"]) console.log(name, require(`${name}/package.json`).version);

const hello = Buffer.from("864fd26fb559f75b", "hex");
assert.equal(ZeroMQ.encode(hello).toString(), "HelloWorld");
for (let number = 0; number < 1000; number++) {
  const key = createHash("sha256").update(`key ${number}`).digest();
  const text = ZeroMQ.encode(key).toString();
  assert.equal(text, codec.encode(new Uint8Array(key)));
  assert.equal(ZeroMQ.decode(text).toString("hex"), key.toString("hex"));
}
console.log("the specification's example and 1,000 random keys: right");

for (const [hex, wrong] of [
  ["00000001", false],
  ["00000000", true],
  ["0000000000000001", true],
  ["00".repeat(32), true],
]) {
  const bytes = Buffer.from(hex, "hex");
  const text = ZeroMQ.encode(bytes).toString();
  const right = base85.encode(bytes, "z85");
  const read = ZeroMQ.decode(text).toString("hex");
  console.log(`${hex}: ${text}, right is ${right}, read "${read}"`);
  assert.equal(codec.encode(new Uint8Array(bytes)), right);
  assert.equal(text !== right, wrong);
  assert.equal(read !== hex, wrong);
  assert.equal(ZeroMQ.decode(right).toString("hex"), hex);
}
console.log("as described: a digit stands for four zero bytes");
JS
node finding.js
