#!/usr/bin/env bash
# stopcock (npm): a limit of 900 calls per second gives 500, and one of 1,900 gives 1,000.
#
# Guess: `limit` is "the maximum number of allowed calls per interval": with a long queue that many are made, at least nearly.
# Happens: the bucket counts whole tokens, and moves its clock on by the time of these tokens, rounded up to a whole
# millisecond. At 900 per second a token takes 1.11 ms and is charged with two. The real rate below 1,000 is 1,000 divided
# by a whole number (500, 333, 250), above it a multiple of 1,000: up to half is lost. At 100 per second it is right.
# Hurts: crawlers, relays of a ledger and clients of an API that permits 900 requests per second: they use 500, the queue grows
# where it should not, and the other side sees no reason.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund stopcock@1.1.0 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
console.log("stopcock", require("stopcock/package.json").version);

// A clock of the test, so that the load of the machine does not matter: timers are exact.
let now = 0;
let timers = [];
Date.now = () => now;
global.setTimeout = (run, delay) => {
  const timer = { run, at: now + Math.max(1, Math.ceil(delay)) };
  timers.push(timer);
  return timer;
};
global.clearTimeout = (timer) => (timers = timers.filter((other) => other !== timer));
const stopcock = require("stopcock");

function rate(limit) {
  now = 0;
  timers = [];
  let calls = 0;
  const limited = stopcock(() => calls++, { limit, interval: 1000 });
  for (let i = 0; i < 40000; i++) {
    limited();
  }
  while (timers.length > 0 && now < 10000) {
    timers.sort((a, b) => a.at - b.at);
    const timer = timers.shift();
    now = timer.at;
    timer.run();
  }
  return Math.round((calls - 40) / 10); // 40 is the size of the bucket, which is full at first
}

const expected = { 100: 100, 300: 250, 500: 500, 600: 500, 900: 500, 1000: 1000, 1900: 1000, 2900: 2000, 3000: 3000 };
for (const [limit, real] of Object.entries(expected)) {
  const found = rate(Number(limit));
  console.log(`limit ${limit} per second: ${found} calls per second`);
  assert.equal(found, real);
}
console.log("as described: up to half the rate is lost");
JS
node finding.js
