#!/usr/bin/env bash
# @node-dlc/common (npm): the channel 700000x123x12 is read as 700000x123x1, and a field with one bit has none.
#
# Guess: shortChannelIdFromString() reads "[block]x[txIdx]x[voutIdx]" back from what shortChannelIdToString() wrote. BitField.flags()
# returns "the full list of set flags", whichever they are.
# Happens: the last number of the pattern takes as few digits as it can, which is one: outputs from 10 on become the output of their
# first digit, which is another channel, without an error. flags() stops before the highest bit if it is the only one: 8 has
# no flags, 9 has 0 and 3.
# Hurts: programs that keep channels by their text: transactions that open a dozen channels at once have such outputs, and balances
# or policies of channel 12 are booked on channel 1. A peer that announces a single feature looks as if it had none.
# Way out: fromBuffer or fromNumber; isSet().
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund @node-dlc/common@1.1.7 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const common = require("@node-dlc/common");
const { BitField, shortChannelIdFromNumber, shortChannelIdFromString, shortChannelIdToString } = common;
console.log("@node-dlc/common", require("./node_modules/@node-dlc/common/package.json").version);

const expected = { 0: 0, 1: 1, 9: 9, 10: 1, 12: 1, 19: 1, 20: 2, 256: 2 };
for (const [output, read] of Object.entries(expected)) {
  const text = `700000x123x${output}`;
  const channel = shortChannelIdFromString(text);
  console.log(text, "is read as", shortChannelIdToString(channel));
  assert.equal(shortChannelIdToString(channel), `700000x123x${read}`);
  const number = (700000n << 40n) + (123n << 16n) + BigInt(output);
  assert.equal(shortChannelIdToString(shortChannelIdFromNumber(number)), text);
}
for (const bit of [0, 3, 9, 40]) {
  const field = new BitField();
  field.set(bit);
  console.log(`bit ${bit} alone: isSet ${field.isSet(bit)}, flags`, field.flags());
  assert.ok(field.isSet(bit));
  assert.deepEqual(field.flags(), []);
  field.set(bit + 1);
  assert.deepEqual(field.flags(), [bit, bit + 1]);
}
console.log("as described: one digit, and no single flag");
JS
node finding.js
