#!/usr/bin/env bash
# json-bigint-string (npm): a fraction with many digits becomes text, one with few a number, and sums are joined instead.
#
# Guess: a "drop-in replacement for JSON.parse which converts integers long enough to lose precision into strings": integers
# above 2^53 are strings, all other numbers are numbers.
# Happens: each number that is written with more than 15 characters is a string, whatever it is: 0.3333333333333333, 1e-7
# written out, 1000000000000000, which needs no more than 50 bits. Of one field, the value 0.5 is a number and a third is text.
# Hurts: programs that read prices, rates or milliseconds with a fraction beside 64-bit ids: `+` joins two texts, a comparison
# of two texts goes by characters ("10.333333333333334" < "9.666666666666666"), `typeof` checks fail for some rows.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund json-bigint-string@1.0.0 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const { parse } = require("json-bigint-string");
console.log("json-bigint-string", require("json-bigint-string/package.json").version);

const text = JSON.stringify({ id: 1, rates: [0.5, 1 / 3, 31 / 3, 29 / 3], sent: 1000000000000000 });
const { rates, sent } = parse(text);
console.log(text);
console.log("is read as", { rates, sent });
assert.deepStrictEqual(rates, [0.5, "0.3333333333333333", "10.333333333333334", "9.666666666666666"]);
assert.strictEqual(sent, "1000000000000000");
assert.ok(Number.isSafeInteger(Number(sent)));
console.log("the sum of the first two:", rates[0] + rates[1]);
console.log("the third is less than the fourth:", rates[2] < rates[3]);
assert.strictEqual(rates[0] + rates[1], "0.50.3333333333333333");
assert.ok(rates[2] < rates[3]);
assert.strictEqual(parse("9007199254740993"), "9007199254740993", "what it is for works");
console.log("as described: fractions are text");
JS
node finding.js
