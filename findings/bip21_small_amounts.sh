#!/usr/bin/env bash
# bip21 (npm): a payment URI of less than 100 satoshi has its amount as "1e-8", which BIP 21 does not allow.
#
# Guess: encode(address, {amount: 0.00000001}) writes amount=0.00000001. The BIP's grammar of an amount is digits with
# at most one point, and it spells out that it is "decimal BTC".
# Happens: the number is written as JavaScript writes it, with an exponent below 0.000001. A URI that decode() has read is no
# longer one after encode(). decode() itself reads "1e-8", so the package's own round trips succeed.
# Hurts: whoever asks for a few satoshi, for a test or with a Lightning invoice as second way to pay: Bitcoin Core refuses such
# a URI, and a reader that takes the digits that it finds, as the grammar suggests, asks its user for one bitcoin.
# Way out: give the amount as text, amount: value.toFixed(8).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund bip21@3.0.0 >/dev/null
cat >finding.js <<'JS'
import assert from "assert";
import { readFileSync } from "fs";
import { decode, encode } from "bip21";
console.log("bip21", JSON.parse(readFileSync("node_modules/bip21/package.json")).version);

const address = "1BoatSLRHtKNngkdXEeobR76b53LETtpyT";
const grammar = /^amount=[0-9]*(\.[0-9]*)?$/;
const amountOf = (uri) => uri.slice(uri.indexOf("?") + 1);
for (const [satoshi, valid] of [[100000000, true], [100, true], [99, false], [30, false], [1, false]]) {
  const written = amountOf(encode(address, { amount: satoshi / 1e8 }));
  console.log(`${satoshi} satoshi: ${written}, ${grammar.test(written) ? "valid" : "not valid"}`);
  assert.equal(grammar.test(written), valid);
}

const valid = `bitcoin:${address}?amount=0.00000021`;
const again = encode(address, decode(valid).options);
console.log(`${valid} is decoded and encoded to ${again}`);
assert.ok(grammar.test(amountOf(valid)));
assert.equal(amountOf(again), "amount=2.1e-7");
assert.equal(decode(again).options.amount, 0.00000021);
console.log("as described: small amounts have an exponent");
JS
node finding.js
