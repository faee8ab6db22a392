#!/usr/bin/env bash
# fast-bitfield (npm, of the hypercore family): fill(true, 0, 100) leaves 32 of the hundred bits empty.
#
# Guess: fill(val, start, end) will "set a range of bits efficiently". Afterwards get() is true for each bit in it, and the iterator
# finds the end of the range as the first false bit.
# Happens: the bits of whole words in the middle are set up to the last but one, and the rest of a word at the end: the last whole
# word, 32 bits, is left as it was. Ranges of less than 64 bits are right. Clearing a range leaves the same gap of set bits. That
# set() does it rightly, bit by bit, hides it from small tests. (For some other ranges fill() does not end; they are not
# shown.)
# Hurts: peers that mark the blocks that they have: those in the gap are asked for again, or are never announced; after clearing,
# blocks are announced that are no longer there.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund fast-bitfield@1.2.2 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const bitfield = require("fast-bitfield");
console.log("fast-bitfield", require("fast-bitfield/package.json").version);

function wrong(bits, end, wanted) {
  return [...Array(end).keys()].filter((index) => bits.get(index) !== wanted);
}

for (const end of [32, 63, 64, 96, 100, 1000, 32767]) {
  const filled = bitfield();
  filled.fill(true, 0, end);
  const single = bitfield();
  for (let index = 0; index < end; index++) single.set(index, true);
  const gap = wrong(filled, end, true);
  const cleared = bitfield();
  for (let index = 0; index < end; index++) cleared.set(index, true);
  cleared.fill(false, 0, end);
  console.log(
    `fill(true, 0, ${end}): ${gap.length ? `${gap[0]} to ${gap[gap.length - 1]} are false` : "all true"},`,
    `first false bit ${filled.iterator().next(false)}; with set() ${single.iterator().next(false)}`,
  );
  assert.strictEqual(single.iterator().next(false), end);
  assert(!filled.get(end));
  assert.deepStrictEqual(gap, wrong(cleared, end, false));
  if (end < 64) {
    assert.strictEqual(gap.length, 0);
  } else {
    const last = Math.floor(end / 32) * 32;
    assert.deepStrictEqual(gap, [...Array(32).keys()].map((bit) => last - 32 + bit));
    assert.strictEqual(filled.iterator().next(false), last - 32);
  }
}
console.log("as described: the last whole word is left out");
JS
node finding.js
