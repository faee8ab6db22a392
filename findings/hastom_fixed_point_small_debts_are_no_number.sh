#!/usr/bin/env bash
# @hastom/fixed-point (npm): minus five cents are "0.-5", and as a number NaN.
#
# Guess: a FixedPoint is a bigint with a number of decimals, and toDecimalString() and toDecimal() write it with the point: -5n with
# two decimals is "-0.05". The documentation shows it for 1.5232.
# Happens: zeros are put in front of the digits with their sign, so that the sign ends up behind the point: -5n with two decimals
# is "0.-5", -1n with six is "0.0000-1", and toDecimal(), which reads this text, is NaN. From -0.1 on the text has no digit in
# front of the point, "-.50", which is a number; from -1 on it is right, as positive ones are. The arithmetic is right.
# Hurts: balances, fees and price changes that fall a little below zero: NaN goes through each further sum without an error, and
# a text like "0.-5" is refused, or read as 0, by the next program. Tests with whole amounts pass.
# Way out: write the absolute value, and the sign in front of it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund @hastom/fixed-point@1.0.3 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const { FixedPoint } = require("@hastom/fixed-point");
console.log("@hastom/fixed-point", require("@hastom/fixed-point/package.json").version);

for (const [base, places, text, number] of [
  [5n, 2n, "0.05", 0.05],
  [-5n, 2n, "0.-5", NaN],
  [-9n, 2n, "0.-9", NaN],
  [-10n, 2n, "-.10", -0.1],
  [-50n, 2n, "-.50", -0.5],
  [-105n, 2n, "-1.05", -1.05],
  [-1n, 6n, "0.0000-1", NaN],
  [-99999n, 6n, "0.-99999", NaN],
  [-100000n, 6n, "-.100000", -0.1],
]) {
  const value = new FixedPoint(base, places);
  console.log(`${base} with ${places} decimals: "${value.toDecimalString()}", ${value.toDecimal()}`);
  assert.equal(value.toDecimalString(), text);
  assert.ok(Object.is(value.toDecimal(), number));
}
const balance = FixedPoint.fromDecimal(1.2, 2).sub(FixedPoint.fromDecimal(1.25, 2));
console.log(`1.20 - 1.25: base ${balance.getBase()}, "${balance.toDecimalString()}", ${balance.toDecimal()}`);
assert.equal(balance.getBase(), -5n);
assert.ok(Number.isNaN(balance.toDecimal()));
console.log("as described: a small debt is no number");
JS
node finding.js
