#!/usr/bin/env bash
# @node-lightning/invoice (npm): an invoice with a last delay of 32 blocks, or a lifetime of 1024 seconds, is written with 0.
#
# Guess: any whole number of seconds (expiry) or blocks (minFinalCltvExpiry) that is set is in the text that encode() gives.
# Happens: the number of five-bit words is the logarithm of the number, rounded up: for 32, 1024, 32768, 1048576 and all powers of
# 32 that is one too few, and the highest bit, the only one, is cut off. 0 is what remains, signed and valid. A value of 1
# raises "wordLen must be provided", as it gets no word at all. All other numbers are right.
# Hurts: who asks for 32 blocks, which is more than the usual 18 and less than 40: payers choose a route whose last payment can be
# claimed back at once, and a careful payee refuses what it asked for itself. An invoice for 1024 s is expired when written.
# Way out: avoid powers of 32.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund @node-lightning/invoice@0.28.0 bolt11@1.4.1 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const bolt11 = require("bolt11");
const { Invoice, decode, encode } = require("@node-lightning/invoice");
console.log("@node-lightning/invoice", require("./node_modules/@node-lightning/invoice/package.json").version);

function written(number) {
  const invoice = new Invoice();
  Object.assign(invoice, { network: "bc", timestamp: 1700000000, amount: "0.0001", desc: "coffee" });
  invoice.paymentHash = Buffer.alloc(32, 1);
  invoice.expiry = number;
  invoice.minFinalCltvExpiry = number;
  const text = encode(invoice, Buffer.alloc(32, 3));
  const { expiry, minFinalCltvExpiry } = decode(text);
  const { expire_time: time, min_final_cltv_expiry: blocks } = bolt11.decode(text).tagsObject;
  return [expiry, minFinalCltvExpiry, time, blocks];
}

const right = [2, 9, 18, 31, 33, 40, 144, 1023, 1025, 3600, 86400];
for (const number of right) assert.deepEqual(written(number), Array(4).fill(number));
const powers = [32, 1024, 32768, 1048576];
for (const number of powers) {
  const read = written(number);
  console.log(`${number}: read here as ${read.slice(0, 2)}, by bolt11 as ${read.slice(2)}`);
  assert.deepEqual(read, [0, 0, 0, 0]);
}
assert.throws(() => written(1), /wordLen must be provided/);
console.log(`right are ${right}; 1 raises an error`);
console.log("as described: powers of 32 are 0");
JS
node finding.js
