#!/usr/bin/env bash
# @getkoala/js-bloom (npm): a Bloom filter for one error in a hundred makes one in six.
#
# Guess: sized by the usual formula (95,851 bits and 7 hashes for 10,000 keys) about one key in a hundred seems to be there that
# was not added, and the JSON of a filter holds its bits, 32 a number, for a reader elsewhere (that is what the package is for).
# Happens: the last of each 32 bits is a negative number in JavaScript, which is made positive by adding 2^32 - 1, one too few: it becomes
# the other 31. Adding a key one of whose places is such a one (with 7 hashes one key in five) sets 31 bits, and the place counts as set if
# any of the 31 is. 10,000 keys make sixteen errors in a hundred, at 1,000 keys for one in a thousand it is one in sixteen. Added keys
# are found. In a filter whose bits somebody else has packed as one would, some keys are denied.
# Hurts: peers that tell each other what they have by such filters: a sixth of what is new counts as known and is not asked for.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts @getkoala/js-bloom@0.1.1 >/dev/null
cat >try.cjs <<'JS'
const assert = require("node:assert");
const { JsBloom } = require("@getkoala/js-bloom");
console.log("@getkoala/js-bloom", require("@getkoala/js-bloom/package.json").version);

/** Adds keys; counts the errors of the filter and those of the same places in a set. */
const measure = (keys, size, hashes) => {
    const filter = new JsBloom({ size, hashes, seed: 1 });
    const places = new Set();
    for (let n = 0; n < keys; n++) {
        filter.add(`key${n}`);
        for (const place of filter.indexesFor(`key${n}`)) places.add(place);
    }
    const asked = Array.from({ length: 20000 }, (_, n) => `other${n}`);
    const words = new Array(Math.ceil(size / 32)).fill(0);
    for (const place of places) words[place >>> 5] += 2 ** (place % 32);
    const packed = new JsBloom({ size, hashes, seed: 1, bits: words });
    const all = Array.from({ length: keys }, (_, n) => `key${n}`);
    return {
        keys, size, hashes,
        errors: asked.filter((key) => filter.test(key)).length / asked.length,
        fitting: asked.filter((key) => filter.indexesFor(key).every((place) => places.has(place))).length / asked.length,
        missing: all.filter((key) => !filter.test(key)).length,
        deniedOfPacked: all.filter((key) => !packed.test(key)).length,
    };
};
const full = measure(10000, 95851, 7);
const small = measure(1000, 14378, 10);
const sparse = measure(500, 95851, 7);
for (const seen of [full, small, sparse]) console.log(JSON.stringify(seen));
assert.ok(full.fitting < 0.015 && full.errors > 0.12 && full.errors < 0.2);
assert.ok(small.fitting < 0.002 && small.errors > 0.04);
assert.equal(full.missing + small.missing + sparse.missing, 0);
assert.ok(sparse.deniedOfPacked > 10);
const one = new JsBloom({ size: 64, hashes: 1, seed: 1, bits: [0, 0] });
one.bits.add(31);
console.log("place 31 alone:", one.bits.field[0].toString(2).padStart(32, "0"), "| place 5:", one.bits.get(5));
assert.equal(one.bits.field[0], 2 ** 31 - 1);
assert.equal(one.bits.get(5), 1);
console.log("as described: each 32nd place is the other 31");
JS
node try.cjs
