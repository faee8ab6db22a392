#!/usr/bin/env bash
# snowflake-id (npm): the machines 0 and 1 make the same IDs, and so do 1, 1024 and 2047.
#
# Guess: the machine has ten bits, so that 0 to 1023 are 1,024 machines whose IDs never meet. `mid: 0` is machine 0.
# Happens: 0 counts as missing and becomes 1, the default. What is left is divided by 1,023 instead of 1,024, and the remainder
# is taken: 1,023 becomes 0. Of the 1,024 numbers only 1,023 differ, and the first two that one gives out are one.
# Hurts: who numbers machines, processes or shards from 0, as most schedulers do: the first two make equal IDs in each
# millisecond in which both make one. A test with one process, or with the numbers 1 and 2, does not show it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund snowflake-id@1.1.0 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const SnowflakeId = require("snowflake-id").default ?? require("snowflake-id");
console.log("snowflake-id", require("snowflake-id/package.json").version);

Date.now = () => 1800000000000; // one millisecond, in which each machine makes its first ID
const idOf = (mid) => new SnowflakeId({ mid }).generate();
const machineOf = (id) => Number((BigInt(id) >> 12n) & 1023n);
for (const mid of [0, 1, 2, 1022, 1023]) {
  console.log(`machine ${mid}: ID ${idOf(mid)}, whose machine is ${machineOf(idOf(mid))}`);
}
assert.equal(idOf(0), idOf(1));
assert.equal(machineOf(idOf(1023)), 0);
assert.equal(idOf(1024), idOf(1));
const all = new Set(Array.from({ length: 1024 }, (_, mid) => idOf(mid)));
console.log(`1024 machines have ${all.size} different IDs`);
assert.equal(all.size, 1023);
console.log("as described: two machines share their IDs");
JS
node finding.js
