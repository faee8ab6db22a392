#!/usr/bin/env bash
# invoices (npm): the metadata of a Lightning invoice are lost as it is written, and an invoice that ends at once lasts an hour.
#
# Guess: createUnsignedRequest() writes each field of BOLT 11 that parsePaymentRequest() reads: the invoice with metadata of the
# specification reads well, so metadata (and an expiry of 0 seconds) that are written are read again.
# Happens: of { metadata } no byte is written: an "m" field of length 0 and a spare zero stand in the signed invoice, nothing is
# raised, and the reader answers without metadata, though feature 48 says that they must be sent. The same field written by hand is
# read. expires_at at the time of creation is written as 0 seconds, which the reader takes for no field: one hour, as by default.
# Hurts: receivers who keep no state and put what they need to know into the metadata (BOLT 11 has them for that): the payer's node
# must send them back and has nothing to send. And who shows an invoice as open by is_expired.
# Way out: append the field to the tags by hand before they are hashed and signed, as below.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts invoices@5.0.2 tiny-secp256k1@2.2.4 bech32@2.0.0 light-bolt11-decoder@3.2.0 >/dev/null
cat >try.mjs <<'JS'
import assert from "node:assert";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import * as secp from "tiny-secp256k1";
import { bech32 } from "bech32";
import invoices from "invoices";
import { decode } from "light-bolt11-decoder";

console.log("invoices", JSON.parse(readFileSync("node_modules/invoices/package.json")).version);
const key = Buffer.alloc(32, 7);
const destination = Buffer.from(secp.pointFromScalar(key, true)).toString("hex");
const start = "2024-01-01T00:00:00.000Z";
const unsign = (more) => invoices.createUnsignedRequest({
    destination, created_at: start, description: "x", id: "01".repeat(32), network: "bitcoin", payment: "02".repeat(32), ...more,
});
const sign = ({ hash, hrp, tags }) => {
    const signature = Buffer.from(secp.sign(Buffer.from(hash, "hex"), key)).toString("hex");
    return invoices.createSignedRequest({ destination, hrp, signature, tags }).request;
};
const write = (more) => sign(unsign(more));
const light = (request) => decode(request).sections.find((section) => section.name === "metadata")?.value ?? "none";
const parse = (request) => invoices.parsePaymentRequest({ request });

// The same field, written by hand, is read.
const plain = unsign({});
const words = [...plain.tags, 27, 0, 7, ...bech32.toWords(Buffer.from("01fafaf0", "hex"))];
const padded = [...words, ...Array(7).fill(0)].slice(0, Math.ceil(words.length / 8) * 8);
const bytes = Buffer.from(bech32.fromWords(padded)).subarray(0, Math.ceil(words.length * 5 / 8));
const hash = createHash("sha256").update(plain.hrp).update(bytes).digest("hex");
const other = sign({ hrp: plain.hrp, tags: words, hash });
assert.equal(parse(other).metadata, "01fafaf0");
console.log("written by hand: invoices reads", parse(other).metadata, "and light-bolt11-decoder", light(other));
assert.equal(light(other), "01fafaf0");

const own = write({ metadata: "01fafaf0", features: [{ bit: 8 }, { bit: 14 }, { bit: 48 }] });
const read = parse(own);
console.log("written by invoices, read by invoices:", read.metadata, "with", read.features.find((f) => f.bit === 48));
assert.equal(read.metadata, undefined);
assert.equal(read.destination, destination);
assert.ok(read.features.some((f) => f.bit === 48 && f.is_required));
console.log("written by invoices, read by light-bolt11-decoder:", JSON.stringify(light(own)));
assert.ok(light(own) === "" || light(own) === "none");

const hours = (text) => (Date.parse(parse(write({ expires_at: text })).expires_at) - Date.parse(start)) / 3600e3;
assert.equal(hours("2024-01-01T00:30:00.000Z"), 0.5);
console.log("an invoice that expires after 0 seconds lasts", hours(start), "hour");
assert.equal(hours(start), 1);
console.log("as described: metadata are not written, 0 seconds are an hour");
JS
node try.mjs
