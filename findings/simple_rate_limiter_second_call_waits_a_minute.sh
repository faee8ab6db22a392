#!/usr/bin/env bash
# simple-rate-limiter (npm): the second call waits for a whole interval, though nine more would be allowed at once.
#
# Guess: limit(fn).to(10).per(60000) lets ten calls through in a minute. A call that comes a second after the first one is the second of
# ten, and is made at once.
# Happens: after each round a timer is set for the end of the interval, to forget the calls made, and as long as there is a timer a new
# call does not start a round. Only calls that are made in the same moment go together. The second call comes one second later and waits
# 59; with one call in ten seconds each waits until the last one is a minute old, then up to ten go at once.
# Hurts: programs that ask now and then, below the limit, as user interfaces, bots and wallets do: each answer takes up to the interval.
# With an interval of an hour it looks as if the program hung. A test with a burst is right.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund simple-rate-limiter@0.5.0 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
console.log("simple-rate-limiter", require("simple-rate-limiter/package.json").version);

// A clock of the test: timers are exact, whatever the load of the machine.
let now = 0;
let timers = [];
Date.now = () => now;
global.setTimeout = (run, delay) => timers.push({ run, at: now + Math.max(1, delay) });
global.setImmediate = (run) => timers.push({ run, at: now });
const limit = require("simple-rate-limiter");

/** How long each call waits, in seconds, if they come at these seconds. */
function waits(times) {
  now = 0;
  timers = [];
  const waited = [];
  const limited = limit((time) => waited.push((now - time) / 1000)).to(10).per(60000);
  for (const time of times) timers.push({ run: () => limited(time * 1000), at: time * 1000 });
  while (timers.length > 0) {
    timers.sort((a, b) => a.at - b.at);
    const timer = timers.shift();
    now = timer.at;
    timer.run();
  }
  return waited;
}

for (const [times, expected] of [
  [[0, 0, 0, 0, 0], [0, 0, 0, 0, 0]],
  [[0, 1, 2, 3, 4], [0, 59, 58, 57, 56]],
  [[0, 10, 20, 30, 40, 50, 60, 70], [0, 50, 40, 30, 20, 10, 0, 50]],
]) {
  const waited = waits(times);
  console.log(`calls at ${times}: waited ${waited} seconds, with ten allowed in 60`);
  assert.deepEqual(waited, expected);
}
console.log("as described: who comes later waits for the interval");
JS
node finding.js
