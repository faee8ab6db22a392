#!/usr/bin/env bash
# libp2p-record (npm): 5 milliseconds after the second are written as half a second, and records of a whole second cannot be read.
#
# Guess: the time of a DHT record is RFC 3339 with nanoseconds, which all of libp2p reads alike: ".005Z" is 5 ms.
# Happens: the fraction is written without its leading zeros: 5 ms as ".5000000Z", 45 ms as ".45000000Z". Others read 500 and 450 ms; the
# package itself cuts off the last six digits and reads 5 and 45. From ".0Z", which it writes for a whole second, it reads no date
# at all. Of what Go writes, which leaves out zeros at the end, ".12345678Z" is 12 ms, ".123456Z" no date
# and a whole second an error. One time in ten is below 100 ms.
# Hurts: nodes of js-ipfs, where it still comes with ipfs-core: a record that is compared with an invalid date never expires, and which of
# two records is the newer depends on who reads them.
# Way out: @libp2p/record 4, which is right both ways.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts libp2p-record@0.10.6 @libp2p/record@4.0.15 >/dev/null 2>&1
cat >try.mjs <<'JS'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { Libp2pRecord } from "@libp2p/record";
import old from "libp2p-record";

console.log("libp2p-record", JSON.parse(readFileSync("node_modules/libp2p-record/package.json")).version);
const bytes = (text) => Buffer.from(text);
const field = (number, content) => Buffer.concat([Buffer.from([(number << 3) | 2, content.length]), content]);
const time = (date) => (Number.isNaN(date.getTime()) ? "no date" : date.toISOString().slice(17));
const read = (reader, raw) => {
    try {
        return time(reader.deserialize(raw).timeReceived);
    } catch (error) {
        return error.message;
    }
};
const written = {};
for (const second of ["05.123Z", "05.045Z", "05.005Z", "05.000Z"]) {
    const raw = new old.Record(bytes("/key"), bytes("value"), new Date("2026-11-30T10:00:" + second)).serialize();
    written[second] = [read(old.Record, raw), read(Libp2pRecord, raw)];
    console.log(`written ${second}: read by itself ${written[second][0]}, by @libp2p/record ${written[second][1]}`);
}
assert.deepEqual(written, { "05.123Z": ["05.123Z", "05.123Z"], "05.045Z": ["05.045Z", "05.450Z"], "05.005Z": ["05.005Z", "05.500Z"],
    "05.000Z": ["no date", "05.000Z"] });
const others = {};
for (const second of ["05.123456789Z", "05.12345678Z", "05.123456Z", "05Z"]) {
    const raw = Buffer.concat([field(1, bytes("/key")), field(2, bytes("value")), field(5, bytes("2026-11-30T10:00:" + second))]);
    others[second] = [read(old.Record, raw), read(Libp2pRecord, raw)];
    console.log(`another node's ${second}: read ${others[second][0]}, by @libp2p/record ${others[second][1]}`);
}
assert.deepEqual(Object.values(others), [["05.123Z", "05.123Z"], ["05.012Z", "05.123Z"], ["no date", "05.123Z"], ["Invalid format", "05.000Z"]]);
console.log("as described: leading zeros are missing");
JS
node try.mjs
