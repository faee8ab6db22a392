#!/usr/bin/env bash
# bucket-queue (npm): who calls once in ten seconds is made to wait a whole minute after six calls, with a limit of six a minute.
#
# Guess: BucketQueue({ calls: 6, perInterval: 60000 }), "designed to fit a leaky bucket strategy", lets six calls through in each minute. At
# one call in eleven seconds there is never more than that, and nothing has to wait.
# Happens: the count goes back to zero only when the countdown has run out, and each call sets the countdown to a whole interval again:
# it takes a minute without any call. At one in eleven seconds, or one in 59, the seventh call waits until a minute after the sixth;
# meanwhile others line up, and come out together. With one call in 59 seconds the limit of six a minute makes one of six late.
# Hurts: clients of an interface with a generous limit: they are slow though they ask seldom, with a delay of up to an interval that grows
# out of nothing, and longer intervals (a thousand a day) mean that after a thousand calls there is a day's pause.
# (The queue's own clock is moved by hand, by _tick(), which is there for tests.)
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund bucket-queue@1.0.1 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const BucketQueue = require("bucket-queue");
console.log("bucket-queue", require("bucket-queue/package.json").version);

/** For each of 20 calls, one in so many seconds: how many seconds it waited. */
function waits(seconds) {
  const queue = BucketQueue({ calls: 6, perInterval: 60000 });
  const waited = [];
  let now = 0;
  for (; waited.length < 20; now++) {
    const asked = now;
    if (now % seconds === 0) queue.add(async () => waited.push(now - asked));
    queue._tick(now === 0 ? 0 : 1000);
  }
  return waited;
}

for (const seconds of [59, 11, 61]) {
  const waited = waits(seconds);
  console.log(`one call in ${seconds} seconds, waited: ${waited.join(" ")}`);
  if (seconds === 61) {
    assert(waited.every((time) => time === 0));
  } else {
    assert(waited.slice(0, 6).every((time) => time === 0));
    assert.equal(waited[6], 60 - seconds);
  }
  if (seconds === 11) assert(Math.max(...waited) === 49);
}
console.log("as described: it takes a quiet interval, not an interval");
JS
node finding.js
