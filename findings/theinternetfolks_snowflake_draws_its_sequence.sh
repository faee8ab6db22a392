#!/usr/bin/env bash
# @theinternetfolks/snowflake (npm): the sequence is drawn at random: IDs of one millisecond repeat and are in no order.
#
# Guess: as the documentation says, the sequence starts "at 0 and [is] incremented for each ID generated in the same millisecond",
# with up to 4,096 unique IDs in each; IDs of one node never repeat, and sort in the order in which they were made.
# Happens: there is no counter. Unless the caller gives them, the sequence is a random number up to 10,000 modulo 4,096, and the
# node another one up to 100,000 modulo 1,024. With a fixed node, a hundred IDs of one millisecond have a repetition in
# seven of ten cases, and a thousand have more than a hundred. Half of all neighbours of one millisecond are out of order.
# Hurts: ledgers, queues and tables with these as keys: an insertion fails, or replaces another row, as soon as a burst comes;
# and "all after this ID" misses entries. The random node of the default makes a repetition rare, not impossible, and mends no
# order.
# Way out: pass a sequence of one's own, generate({sequence: next++ % 4096}), with a fixed shard_id for each process.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund @theinternetfolks/snowflake@1.3.0 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const { Snowflake } = require("@theinternetfolks/snowflake");
console.log("@theinternetfolks/snowflake", require("@theinternetfolks/snowflake/package.json").version);

const burst = (size, options) => Array.from({ length: size }, () => Snowflake.generate({ timestamp: 1.8e12, ...options }));
const repeated = ids => ids.length - new Set(ids).size;

const first = burst(5, { shard_id: 7 }).map(id => Snowflake.parse(id));
console.log("five of one node and millisecond:", first.map(id => id.sequence));
assert.ok(first.every(id => id.timestamp === 1.8e12 && id.shard_id === 7));
assert.notDeepEqual(first.map(id => id.sequence), [0, 1, 2, 3, 4]);

let spoilt = 0;
for (let round = 0; round < 500; round++) spoilt += repeated(burst(100, { shard_id: 7 })) > 0;
console.log(`${spoilt} of 500 bursts of 100 have a repetition`);
assert.ok(spoilt > 250);

const many = burst(1000, { shard_id: 7 });
let fallen = 0;
for (let at = 1; at < many.length; at++) fallen += BigInt(many[at]) < BigInt(many[at - 1]);
console.log(`a burst of 1,000: ${repeated(many)} repeated, ${fallen} less than the one before`);
assert.ok(repeated(many) > 60 && fallen > 400);

const nodes = new Set(burst(100, {}).map(id => Snowflake.parse(id).shard_id));
console.log(`without a node given, 100 IDs come from ${nodes.size} nodes`);
assert.ok(nodes.size > 50);

let next = 0;
const own = Array.from({ length: 4096 }, () => Snowflake.generate({ timestamp: 1.8e12, shard_id: 7, sequence: next++ }));
assert.equal(repeated(own), 0);
assert.ok(own.every((id, at) => at === 0 || BigInt(id) > BigInt(own[at - 1])));
console.log("as described: with a sequence of one's own all are unique and in order, without it neither");
JS
node finding.js
