#!/usr/bin/env bash
# simple-token-bucket (npm): a bucket of 501 tokens per second gives 1,000 per second.
#
# Guess: fillQuantity: 501 and fillTime: 1000 are 501 tokens in 1,000 ms, as the documentation says ("a rate in X's per Y"),
# apart from what the bucket holds at the start. A caller that waits as long as take() tells it to gets that rate.
# Happens: when tokens are added, the clock of the bucket moves on by the time that they took, rounded down to milliseconds. At
# 501 per second a token takes 1.996 ms and 1 ms is charged, so that the rest is used again and again. Rates between 501 and
# 999 all give 1,000 per second; 300 gives 333, and only rates whose time per token is a whole number are right.
# Hurts: senders that keep to the limit of a server or of a peer: they are cut off for twice the rate that they were told to
# keep. Tests with round rates, 10 or 100 per second, are right.
# Way out: a larger fillTime in the same proportion does not help; round the rate down to one that divides 1,000.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund simple-token-bucket@2.0.0 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const { readFileSync } = require("fs");
const { TokenBucket } = require("simple-token-bucket");
console.log("simple-token-bucket", JSON.parse(readFileSync("node_modules/simple-token-bucket/package.json")).version);

// The clock is set by hand: one caller that takes single tokens for ten seconds, and waits as long as it is told.
let now;
Date.now = () => now;
function perSecond(fillQuantity, fillTime) {
  now = 1_000_000;
  const bucket = new TokenBucket({ capacity: 10, fillQuantity, fillTime, initialCapacity: 0 });
  let taken = 0;
  while (now < 1_010_000) {
    const wait = bucket.take(1);
    if (wait === 0) taken++;
    else now += wait;
  }
  return taken / 10;
}
for (const [quantity, time, wanted] of [
  [10, 1000, 10],
  [100, 1000, 100],
  [300, 1000, 333],
  [501, 1000, 1000],
  [999, 1000, 1000],
  [30_060, 60_000, 1000],
]) {
  const given = perSecond(quantity, time);
  console.log(`${quantity} per ${time} ms, which is ${quantity * 1000 / time} per second: ${given} per second`);
  assert.ok(Math.abs(given - wanted) <= 1, "another rate");
}
console.log("as described: up to twice the rate");
JS
node finding.js
