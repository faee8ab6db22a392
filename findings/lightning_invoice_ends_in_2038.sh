#!/usr/bin/env bash
# lightning-invoice (npm): times of invoices from 2038 on are negative, and invoices of regtest are of no network.
#
# Guess: "intends to be BOLT #11 compliant": the time of an invoice has 35 bits, enough for a thousand years, a lifetime may be any
# number of seconds, and lnbcrt is the prefix of the network for tests. An amount of 3 n is 0.000000003 bitcoin.
# Happens: the bits are shifted into a number of 32 bits with a sign: 1 January 2040 is -2085978496, a lifetime of 3,000,000,000 s ends
# before it begins. The letters of the network are compared with "crt", so each invoice of regtest throws "Invalid
# network". Amounts are products of fractions: 3 n is 3.0000000000000004e-9, and two in five of the first 100,000 whole n
# differ from their text, so comparing with what was ordered fails.
# Hurts: tests of shops on regtest, at once; and what is written for decades, such as wallets that keep invoices and the time
# in which they can be paid.
# Way out: bolt11, which gives thousandths of satoshis as text.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund lightning-invoice@0.2.0 bolt11@1.4.1 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const bolt11 = require("bolt11");
const lightning = require("lightning-invoice");
console.log("lightning-invoice", require("./node_modules/lightning-invoice/package.json").version);

const regtest = { bech32: "bcrt", pubKeyHash: 0x6f, scriptHash: 0xc4, validWitnessVersions: [0, 1] };
function invoice({ timestamp = 1700000000, millisatoshis, expiry, network }) {
  const tags = [
    { tagName: "payment_hash", data: "01".repeat(32) },
    { tagName: "payment_secret", data: "02".repeat(32) },
    { tagName: "description", data: "coffee" },
    ...expiry ? [{ tagName: "expire_time", data: expiry }] : [],
  ];
  const encoded = bolt11.encode({ timestamp, millisatoshis, network, tags });
  return bolt11.sign(encoded, "03".repeat(32)).paymentRequest;
}

const texts = [
  invoice({ millisatoshis: "300" }),
  invoice({ timestamp: Date.UTC(2040) / 1000 }),
  invoice({ expiry: 3000000000 }),
  invoice({ millisatoshis: "300", network: regtest }),
];
const right = texts.slice(0, 3).map(text => bolt11.decode(text));
const read = texts.slice(0, 3).map(text => lightning.decode(text));
console.log("amount", right[0].millisatoshis, "msat:", read[0].amount);
console.log("time", right[1].timestamp, "is", read[1].timestamp);
console.log("lifetime", right[2].tagsObject.expire_time, "is", read[2].expiry);
assert.equal(right[0].millisatoshis, "300");
assert.equal(read[0].amount, 3.0000000000000004e-9);
assert.equal(right[1].timestamp, 2208988800);
assert.equal(read[1].timestamp, -2085978496);
assert.equal(right[2].tagsObject.expire_time, 3000000000);
assert.equal(read[2].expiry, -1294967296);
assert.ok(texts[3].startsWith("lnbcrt"));
assert.throws(() => lightning.decode(texts[3]), /Invalid network/);
console.log("as described: 32 bits, and no regtest");
JS
node finding.js
