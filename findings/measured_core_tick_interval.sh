#!/usr/bin/env bash
# measured-core (npm): a meter that is updated each second shows five times the rate, and one of ten seconds half of it.
#
# Guess: `tickInterval` is "the interval in which the averages are updated, defaults to 5000". With 1000 the averages follow more
# closely, and ten events per second are ten in each of them after a while.
# Happens: the option goes into the formula, not into the timer, which runs every five seconds in any case. What was counted in
# five seconds is divided by one: the rate of the last minute is 50 instead of 10, or 5 with an interval of 10,000. The
# mean since the start, the count and the current rate are right.
# Hurts: dashboards and alarms for messages, blocks or requests per second that were made finer: all numbers change by the
# same factor, so that they look plausible, and limits that are set by them are five times off.
# Way out: leave the interval at 5000.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund measured-core@2.0.0 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const { Meter } = require("measured-core");
console.log("measured-core", require("measured-core/package.json").version);

// A clock and timers that are moved on by hand; each timer is called when its own interval has passed.
let now = 0;
let timers = [];
global.setInterval = (call, interval) => {
  const timer = { call, interval, next: now + interval, unref() {}, ref() {} };
  timers.push(timer);
  return timer;
};
global.clearInterval = (timer) => (timers = timers.filter((other) => other !== timer));

const rates = {};
for (const tickInterval of [5000, 1000, 2500, 10000]) {
  const meter = new Meter({ tickInterval, getTime: () => now });
  const intervals = timers.map((timer) => timer.interval);
  for (let tenth = 0; tenth < 30 * 60 * 10; tenth++) {
    meter.mark();
    now += 100;
    for (const timer of timers) {
      for (; timer.next <= now; timer.next += timer.interval) timer.call();
    }
  }
  const { mean, currentRate, ...averages } = meter.toJSON();
  meter.end();
  rates[tickInterval] = averages["1MinuteRate"];
  console.log(
    `tickInterval ${tickInterval}: the timer has ${intervals} ms; ten events per second are ${rates[tickInterval].toFixed(2)}`,
    `in the last minute, ${averages["5MinuteRate"].toFixed(2)} in the last five; mean ${mean}, current ${currentRate}`,
  );
  assert.deepStrictEqual(intervals, [5000]);
  assert.deepStrictEqual([mean, currentRate], [10, 10]);
  assert(Math.abs(rates[tickInterval] - (10 * 5000) / tickInterval) < 0.2);
}
console.log("as described: the interval changes the result and not the timer");
JS
node finding.js
