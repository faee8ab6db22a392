#!/usr/bin/env bash
# iban-qr-code (npm): what is left out of a payment code is taken from an example, the BIC of a bank that does not exist among it.
#
# Guess: girocode() makes the text of an EPC payment code (EPC069-12) of what it is given, and what is left out stays empty, as it
# does in bezahlcode() of the same package: the BIC may be left out for accounts in the European Economic Area (version
# 002), the amount may be left to the payer.
# Happens: without a BIC the code names DEZZZYYYXXX, without a reason it says "Testsubject", without an amount it asks for 19.05
# euros, without a name or an IBAN it pays Max Mustermann's. An empty amount becomes ".00". A text "1.000" stays, one euro in the
# code, while "1.000.000" is a million and "1.000,00" a thousand.
# Hurts: shops and clubs that print the code on bills: the payer's bank refuses it, or shows a bank, a reason and an amount that
# nobody meant, and most of that looks as if it was.
# Way out: give all fields, empty ones as "", and amounts as texts with two digits behind a point.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund iban-qr-code@1.0.0 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const { readFileSync } = require("fs");
const { girocode, bezahlcode } = require("iban-qr-code");
console.log("iban-qr-code", JSON.parse(readFileSync("node_modules/iban-qr-code/package.json")).version);

const names = ["service", "version", "encoding", "transfer", "bic", "name", "iban", "amount", "", "", "reason", "hint"];
const fields = given => Object.fromEntries(girocode(given).split("\n").map((value, place) => [names[place], value]));
const whole = { name: "Anna Muster", iban: "DE02120300000000202051", bic: "BYLADEM1001", amount: "12.50", reason: "Bill 7" };
console.log("all given:", JSON.stringify(girocode(whole)));
assert.equal(girocode(whole), "BCD\n001\n2\nSCT\nBYLADEM1001\nAnna Muster\nDE02120300000000202051\nEUR12.50\n\n\nBill 7\n");

const example = { bic: "DEZZZYYYXXX", name: "Max Mustermann", iban: "DE19123412341234123412" };
Object.assign(example, { amount: "EUR19.05", reason: "Testsubject" });
for (const field of Object.keys(whole)) {
  const { [field]: left, ...rest } = whole;
  for (const version of ["001", "002"]) {
    const made = fields({ ...rest, version });
    assert.equal(made[field], example[field]);
    assert.deepEqual({ ...made, [field]: 0 }, { ...fields({ ...whole, version }), [field]: 0 });
  }
  console.log(`without ${field}: ${fields(rest)[field]}`);
  assert.ok(!bezahlcode(rest).includes(example[field]));
}
const empty = fields({ ...whole, bic: "", reason: "" });
assert.deepEqual([empty.bic, empty.reason], ["", ""]);

for (const [amount, written] of [
  ["", "EUR.00"], ["1.000", "EUR1.000"], ["1.000,00", "EUR1000.00"], ["1.000.000", "EUR1000000.00"], ["1000", "EUR1000.00"],
]) {
  console.log(`amount ${JSON.stringify(amount)}: ${fields({ ...whole, amount }).amount}`);
  assert.equal(fields({ ...whole, amount }).amount, written);
}
console.log("as described: the example fills the gaps");
JS
node finding.js
