#!/usr/bin/env bash
# node-dns-sd (npm): a TXT key without a value is not there, of a key given twice the last counts, and one bit hides the whole answer.
#
# Guess: RFC 6763 says that a key without "=" is there and has no value (a flag: a client can tell it from a missing
# one), and that of a key given twice the first counts. RFC 6762 (18.6 and 18.7) tells to ignore the bits RD and RA of what arrives.
# Happens: its parser keeps only what has a "=", so that a key without a value is as good as missing, in `rdata` and in
# `rdata_buffer`. The last of two equal keys counts. A value is cut at a line feed in `rdata`; `rdata_buffer` has all of it. For an answer with
# RD or RA set, the parser gives null: the device does not exist.
# Hurts: discovery on a local network: a peer's flag ("relay", "archive") never arrives, a value somebody added behind overrides the first,
# and devices whose answers come from ordinary DNS software, with RD or RA set, are not found, without an error.
# Way out: write flags as "relay=1"; read values of any bytes from `rdata_buffer`.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts node-dns-sd@1.0.1 >/dev/null
cat >try.cjs <<'JS'
const assert = require("node:assert");
const parser = require("node-dns-sd/lib/dns-sd-parser.js");
console.log("node-dns-sd", require("node-dns-sd/package.json").version);

const text = (value) => Buffer.concat([Buffer.from([Buffer.byteLength(value)]), Buffer.from(value)]);
const name = Buffer.concat([...["node", "_peer", "_udp", "local"].map(text), Buffer.from([0])]);
const number = (value, bytes) => {
    const buffer = Buffer.alloc(bytes);
    buffer.writeUIntBE(value, 0, bytes);
    return buffer;
};
/** An answer with one TXT record of these texts; 0x8400 are QR and AA, the usual bits. */
const answer = (texts, flags = 0x8400) => {
    const data = Buffer.concat(texts.map(text));
    const head = Buffer.concat([0, flags, 0, 1, 0, 0].map((value) => number(value, 2)));
    return Buffer.concat([head, name, number(16, 2), number(0x8001, 2), number(120, 4), number(data.length, 2), data]);
};
const read = (...given) => parser.parse(answer(...given))?.answers[0] ?? null;

const record = read(["v=1", "relay", "empty=", "v=2", "note=one\ntwo"]);
const buffers = Object.fromEntries(Object.entries(record.rdata_buffer).map(([key, value]) => [key, value.toString()]));
console.log("rdata:", JSON.stringify(record.rdata), "| rdata_buffer:", JSON.stringify(buffers));
assert.equal(record.name, "node._peer._udp.local");
assert.deepEqual(record.rdata, { v: "2", empty: "", note: "one" });
assert.deepEqual(buffers, { v: "2", empty: "", note: "one\ntwo" });
const seen = {};
for (const [bit, flags] of Object.entries({ none: 0x8400, RD: 0x8500, RA: 0x8480 })) {
    const found = read(["v=1"], flags);
    seen[bit] = found === null ? null : found.rdata.v;
}
console.log("with one more bit set:", JSON.stringify(seen));
assert.deepEqual(seen, { none: "1", RD: null, RA: null });
console.log("as described: flags, first values and answers with an extra bit are lost");
JS
node try.cjs
