#!/usr/bin/env bash
# ethval (npm): sums and conversions of more than 100 ether lose their last digits, and 1.5 ether rounded are 2 wei.
#
# Guess: a package for "easier calculation and formatting of Ethereum values" reckons in whole wei: balances have up to 27 digits of wei.
# Happens: all arithmetic, and each conversion between wei, gwei and eth, is rounded to 20 significant digits, the default of the
# decimals underneath; only what goes in and comes out unchanged keeps more. From 100 ether on, 21 digits of wei, the last is
# lost: adding 1 wei to 123456789012345678901 gives ...900, which is less. With 10,000 ether it is the last three. And round()
# forgets the unit: new EthVal("1.5", "eth").round() are 2 wei.
# Hurts: "send all", accounts that must add up, tokens with 18 decimals, of which people hold millions: the amount is above or below the
# balance by a few thousand units. Tests with a few ether see nothing.
# Way out: BigInt; parseUnits and formatUnits of ethers or viem.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts ethval@2.1.1 decimal.js@10.6.0 >/dev/null
cat >try.cjs <<'JS'
const assert = require("node:assert");
const EthVal = require("ethval");

console.log("ethval", require("ethval/package.json").version);
const plain = (value) => value.toFixed(0);
const cases = [
    ["99 ether and 1 wei", "99000000000000000001", 0n],
    ["123 ether and 1 wei", "123456789012345678901", -2n],
    ["12345 ether and 678 wei", "12345000000000000000678", 321n],
    ["5 million and 123456 of a token", "5000000000000000000123456", -23457n],
];
for (const [name, wei, expected] of cases) {
    const sum = plain(new EthVal(wei).add(1));
    const off = BigInt(sum) - (BigInt(wei) + 1n);
    const back = plain(new EthVal(wei).toEth().toWei());
    console.log(`${name}: plus 1 ${sum} (off by ${off}), to ether and back ${back}`);
    assert.equal(off, expected);
    assert.equal(back === wei, expected === 0n);
}
assert.equal(plain(new EthVal("123456789012345678901")), "123456789012345678901"); // as it came
const rest = new EthVal("100.000000000000000001", "eth").toWei().sub("100000000000000000000");
console.log("100.000000000000000001 ether less 100 ether:", rest.toString(), "wei");
assert.equal(rest.toString(), "0");
const rounded = new EthVal("1.5", "eth").round();
console.log("1.5 ether, rounded:", rounded.toString(), rounded.unit);
assert.equal(`${rounded} ${rounded.unit}`, "2 wei");
console.log("as described: twenty digits");
JS
node try.cjs
