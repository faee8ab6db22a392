#!/usr/bin/env bash
# @audius/fixed-decimal (npm): from 10^21 on a number is as many units as its first digit says: 2.5e22 is 25.
#
# Guess: a FixedDecimal takes a number, a text or a bigint, and "coerces" it to the decimals of its currency: USDC(1e21) is 10^21
# dollars, USDC("1e3") is a thousand. What it cannot read is an error. toFixed(n) takes any number of decimals.
# Happens: JavaScript writes numbers from 10^21 on with an exponent. A negative one is understood (1e-7 is right), a positive one
# is dropped with its "e+": USDC(1e21) is 1.000000 and USDC(2.5e22) is 25.000000; the texts "1e3" and "2.5e3" are 1 and 25.
# With a capital E, or a comma, an error is raised. And toFixed() raises one for exactly the decimals that the value has,
# USDC("1.5").toFixed(6), while 5 and 7 are right.
# Hurts: amounts in the smallest unit that come as numbers (a coin of 18 decimals is 1e18, a thousand are 1e21), and texts from
# programs that write large numbers so: the wallet shows one coin, and what is sent on is one unit.
# Way out: pass a bigint, or BigInt(number); toString() instead of toFixed() with all decimals.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund @audius/fixed-decimal@0.2.1 >/dev/null
cat >finding.js <<'JS'
import assert from "assert";
import { readFileSync } from "fs";
import { FixedDecimal, USDC, wAUDIO } from "@audius/fixed-decimal";
const name = "@audius/fixed-decimal";
console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version);

for (const [value, wanted] of [
  [1234.5, "1234.500000"],
  [999999999999999900000, "999999999999999900000.000000"],
  [1e21, "1.000000"],
  [2.5e22, "25.000000"],
  [10n ** 21n, "1000000000000000.000000"],
  ["1e3", "1.000000"],
  ["2.5e3", "25.000000"],
  ["1000", "1000.000000"],
  [1e-6, "0.000001"],
]) {
  const shown = typeof value === "string" ? `"${value}"` : `${value}${typeof value === "bigint" ? "n" : ""}`;
  console.log(`USDC(${shown}) is ${USDC(value)}`);
  assert.equal(USDC(value).toString(), wanted);
}
assert.equal(wAUDIO(1e-7).toString(), "0.00000010");
assert.equal(new FixedDecimal(1e21, 0).value, 1n);
assert.throws(() => USDC("1E3"), SyntaxError);
assert.throws(() => USDC("1,000"), SyntaxError);

for (const places of [2, 5, 6, 7]) {
  let text;
  try {
    text = USDC("1.234567").toFixed(places);
  } catch (error) {
    text = `${error.name}: ${error.message}`;
  }
  console.log(`USDC("1.234567").toFixed(${places}): ${text}`);
  assert.equal(text.startsWith("RangeError"), places === 6);
}
console.log("as described: the exponent is dropped, and all decimals are one too many");
JS
node finding.js
