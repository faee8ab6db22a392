#!/usr/bin/env bash
# @blockchainofthings/btc-output-descriptor (npm): the second page of addresses of a multi-signature wallet skips some and lacks some.
#
# Guess: "keyRange = { startIdx, count }" restricts what is generated: { 4, 4 } gives the four addresses 4 to 7, as it does for a
# wallet of one key. A WIF key within a descriptor is read whatever letters it has.
# Happens: in multi() and sortedmulti() the keys are derived from startIdx on, and then startIdx is added once more to find them:
# { 2, 4 } gives addresses 4 and 5. Half of the page is missing without a word if indices that do not exist are not
# ignored; if they are, which is the default, the getter raises "Cannot read properties of undefined". From 0 all is
# right. And each text that has "prv" in it is taken for an extended key: about one WIF key in 4000 is "invalid".
# Hurts: wallets that list deposit addresses in pages: pages from the second on watch others than they show by number, and
# leave gaps in which payments arrive unseen.
# Way out: begin each range at 0, and cut.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund @blockchainofthings/btc-output-descriptor@1.0.1 bitcoinjs-lib@5.2.1 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const { ECPair, bip32 } = require("bitcoinjs-lib");
const { globalOptions, parse } = require("@blockchainofthings/btc-output-descriptor");
console.log("btc-output-descriptor", require("./node_modules/@blockchainofthings/btc-output-descriptor/package.json").version);

const keys = [1, 2].map(byte => bip32.fromSeed(Buffer.alloc(32, byte)).neutered().toBase58());
const several = `wsh(sortedmulti(2,${keys[0]}/0/*,${keys[1]}/0/*))`;
function page(descriptor, startIdx, count) {
  const expression = parse(descriptor, "main");
  expression.keyRange = { startIdx, count };
  return expression.addresses;
}
const numbers = (descriptor, startIdx, count) => {
  const all = page(descriptor, 0, 20);
  return page(descriptor, startIdx, count).map(address => all.indexOf(address));
};

assert.throws(() => page(several, 2, 4), /Cannot read properties of undefined/);
globalOptions.setOptions({ ignoreNonexistentPathIndex: false });
const one = numbers(`wpkh(${keys[0]}/0/*)`, 2, 4);
console.log("addresses of { 2, 4 }, one key:", one, "several keys:", numbers(several, 2, 4));
assert.deepEqual(one, [2, 3, 4, 5]);
assert.deepEqual(numbers(several, 2, 4), [4, 5]);
assert.deepEqual(numbers(several, 1, 3), [2, 3]);
assert.deepEqual(numbers(several, 4, 4), []);
assert.deepEqual(numbers(several, 0, 4), [0, 1, 2, 3]);

let other, with_prv;
for (let number = 1; !with_prv; number++) {
  const bytes = Buffer.alloc(32);
  bytes.writeUInt32BE(number, 12);
  const key = ECPair.fromPrivateKey(bytes).toWIF();
  if (key.includes("prv")) with_prv = key; else other = key;
}
assert.equal(parse(`wpkh(${other})`, "main").addresses.length, 1);
assert.throws(() => parse(`wpkh(${with_prv})`, "main"), /invalid extended key/);
console.log("a WIF key with the letters prv: invalid extended key");
console.log("as described: the start counts twice");
JS
node finding.js
