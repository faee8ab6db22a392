#!/usr/bin/env bash
# xxh3-ts (npm): XXH3_128 of more than 240 bytes is the same for each seed.
#
# Guess: the package says that it is "input/output compatible" with xxHash 0.8.3. XXH3_128(data, seed) is then what any other
# implementation gives for that seed, and two seeds give two hashes.
# Happens: with seed 0 all is right. With another the hash is wrong for 4 to 16 bytes, and for more than 240 bytes the seed is
# not looked at; only 0 to 3 and 17 to 240 bytes are right. (A difference without a seed was reported and mended in 2025.)
# XXH64 of the package is right with seeds, and two other packages agree with each other on all lengths.
# Hurts: tables, filters and short identifiers with a seed for each node or connection, so that what collides at one does not
# collide at another: a peer in another language finds other values, and large messages collide everywhere alike.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund xxh3-ts@2.0.1 hash-wasm@4.12.0 @node-rs/xxhash@1.7.6 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const native = require("@node-rs/xxhash");
const wasm = require("hash-wasm");
const { XXH3_128, XXH64 } = require("xxh3-ts");
for (const name of ["xxh3-ts", "hash-wasm", "@node-rs/xxhash"]) console.log(name, require(`${name}/package.json`).version);

const ranges = (numbers) => {
  const found = [];
  for (const number of numbers) {
    if (found.length > 0 && found.at(-1)[1] === number - 1) found.at(-1)[1] = number;
    else found.push([number, number]);
  }
  return found.map(([first, last]) => (first === last ? `${first}` : `${first} to ${last}`)).join(", ");
};

(async () => {
  const lengths = Array.from({ length: 601 }, (_, length) => length);
  for (const [seed, expected] of [[0, ""], [1, "4 to 16, 241 to 600"], [2654435761, "4 to 16, 241 to 600"]]) {
    const wrong = [];
    for (const length of lengths) {
      const data = Buffer.from(Array.from({ length }, (_, i) => (i * 7 + length) % 256));
      const wanted = native.xxh3.xxh128(data, BigInt(seed));
      assert.equal(BigInt("0x" + (await wasm.xxhash128(data, seed))), wanted);
      assert.equal(XXH64(data, BigInt(seed)), native.xxh64(data, BigInt(seed)));
      if (XXH3_128(data, BigInt(seed)) !== wanted) wrong.push(length);
    }
    console.log(`seed ${seed}: wrong for ${ranges(wrong) || "no"} bytes`);
    assert.equal(ranges(wrong), expected);
  }

  const long = Buffer.alloc(1000, "a");
  const hashes = new Set([0n, 1n, 2n, 2n ** 63n].map((seed) => XXH3_128(long, seed)));
  const others = new Set([0n, 1n, 2n, 2n ** 63n].map((seed) => native.xxh3.xxh128(long, seed)));
  console.log(`1,000 bytes with four seeds: xxh3-ts ${hashes.size} hash, @node-rs/xxhash ${others.size} hashes`);
  assert.deepEqual([hashes.size, others.size], [1, 4]);
  console.log("as described: seeds are ignored");
})();
JS
node finding.js
