#!/usr/bin/env bash
# @interchainjs/math (npm): "0.1" of a token with 18 decimals is 100000000000000006 of its smallest units.
#
# Guess: TokenMath.uiAmountToRaw takes "1.5" as text so that it is exact; the source says that it works with texts "to avoid floating
# point precision issues", and the result is a bigint.
# Happens: the text becomes a floating point number first, and this is written out with as many places as the token has. With 18
# decimals 0.1 is 6 units too much, 1.1 is 89, 0.3 is 11 too few, and 1234567.123456789012345678 is off by 65 million.
# From 10^21 whole units on it raises, for the number is written with an exponent. calculatePercentage() takes 0.28 % where
# 0.29 % is asked, and with a precision of 0 the formatted amount ends in a point.
# Hurts: amounts that a person types into a wallet of an EVM-like or Cosmos chain with 18 decimals: "send all 0.1" exceeds the balance,
# what is signed is not what was shown. With 6 decimals tests see nothing.
# Way out: Decimal.fromUserInput(text, decimals).atomics of the same package, which is exact.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts @interchainjs/math@1.20.0 >/dev/null
cat >try.cjs <<'JS'
const assert = require("node:assert");
const { readFileSync } = require("node:fs");
const { Decimal, TokenMath } = require("@interchainjs/math");

console.log("@interchainjs/math", JSON.parse(readFileSync("node_modules/@interchainjs/math/package.json")).version);
const off = {};
for (const text of ["0.1", "1.1", "0.3", "1", "1.000000000000000001", "1234567.123456789012345678"]) {
    const right = BigInt(Decimal.fromUserInput(text, 18).atomics);
    const got = TokenMath.uiAmountToRaw(text, 18);
    const typed = TokenMath.parseTokenAmount(`${text} TOKEN`, 18);
    off[text] = Number(got - right);
    console.log(`"${text}": ${got} instead of ${right}, off by ${off[text]}`);
    assert.equal(typed, got);
}
assert.deepEqual(off, { "0.1": 6, 1.1: 89, 0.3: -11, 1: 0, "1.000000000000000001": -1, "1234567.123456789012345678": -64539916 });
assert.equal(TokenMath.uiAmountToRaw("0.1", 6), 100000n);
assert.throws(() => TokenMath.uiAmountToRaw("1000000000000000000000", 6), /BigInt/);
const part = TokenMath.calculatePercentage(1000000n, 0.29);
const shown = TokenMath.formatTokenAmount(1234500000n, 6, { precision: 0, symbol: "ATOM" });
console.log("0.29 % of a million:", part, "- 1234.5 with no decimals:", JSON.stringify(shown));
assert.equal(part, 2800n);
assert.equal(shown, "1234. ATOM");
console.log("as described: a tenth is six too much");
JS
node try.cjs
