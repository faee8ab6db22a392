#!/usr/bin/env bash
# promptparse (npm): a bill of 1.10 baht has a barcode that says 110.00000000000001, and one of 0.29 comes back as 0.28.
#
# Guess: botBarcode({ billerId, ref1, ref2, amount }) makes the barcode of Thai bills: a bar, four lines, the last one the amount in
# satang, a whole number. parseBarcode() gives the amount back.
# Happens: the satang are the amount times 100 in floating point, and are written as they come out: 28.999999999999996 for 0.29. Of the
# amounts below 1,000 baht one in eleven has a fraction in its barcode. parseBarcode() cuts it off, so that half of these are a
# satang less. toQrTag30() of what was parsed asks for that.
# Hurts: shops and billers: a till refuses the barcode, or takes a satang less, and the bill stays open. Whole baht and halves,
# as in the examples, are right.
# Way out: amount: Math.round(baht * 100) and a barcode made by hand, which is one line.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts promptparse@1.6.0 >/dev/null
cat >try.mjs <<'JS'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { parseBarcode } from "promptparse";
import { botBarcode } from "promptparse/generate";

console.log("promptparse", JSON.parse(readFileSync("node_modules/promptparse/package.json")).version);
const make = (amount) => botBarcode({ billerId: "099999999999990", ref1: "111222333444", ref2: "", amount });
const satang = (amount) => make(amount).split("\r")[3];

for (const amount of [1, 20, 3649.5, 0.25]) assert.equal(satang(amount), String(amount * 100));
for (const amount of [1.1, 0.29, 0.57, 8.2, 1001.1]) {
    console.log(amount, "baht:", JSON.stringify(make(amount)), "read again:", parseBarcode(make(amount)).amount);
}
assert.deepEqual([1.1, 0.29].map(satang), ["110.00000000000001", "28.999999999999996"]);
assert.deepEqual([1.1, 0.29].map((amount) => parseBarcode(make(amount)).amount), [1.1, 0.28]);

let fractions = 0;
let less = 0;
for (let n = 1; n < 100000; n++) {
    fractions += satang(n / 100).includes(".");
    less += parseBarcode(make(n / 100)).amount !== n / 100;
}
console.log(`of 99999 amounts below 1000 baht, ${fractions} have a fraction of a satang, ${less} come back as another amount`);
assert.ok(fractions > 5000 && less > 2000);
console.log("as described: the satang are a product of fractions");
JS
node try.mjs
