#!/usr/bin/env bash
# @d-fischer/rate-limiter (npm): after a pause the requests that waited go one in each time frame, and newer ones overtake them.
#
# Guess: a TimeBasedRateLimiter with bucketSize 10 and a timeFrame of a second lets ten requests go in each second, in the order in
# which they came. What is asked for during pause() waits, and goes in the same way after resume().
# Happens: resume() starts one of the queued requests, and each that ends starts one more a time frame later: ten requests need
# nine seconds instead of none. Requests that come after resume() find room in the bucket and go at once, before those that wait. If
# nothing was running, it stays so until the queue is empty, however long it is. Without a pause all is as guessed.
# Hurts: clients that pause while they renew a token or reconnect: what was queued leaves at a tenth of the rate, and orders, messages or
# transactions in sequence arrive in another order.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts @d-fischer/rate-limiter@1.1.0 >/dev/null
cat >try.cjs <<'JS'
const assert = require("node:assert");
const { readFileSync } = require("node:fs");
const { TimeBasedRateLimiter } = require("@d-fischer/rate-limiter");
console.log("@d-fischer/rate-limiter", JSON.parse(readFileSync("node_modules/@d-fischer/rate-limiter/package.json")).version);

const FRAME = 400;
/** Ten requests in a frame are allowed. Six are made, with or without a pause, and one more after it: which went, and in which frame. */
const run = async (pause) => {
    const start = Date.now();
    const sent = [];
    const doRequest = async (name) => {
        sent.push(`${name} in frame ${Math.floor((Date.now() - start + 50) / FRAME)}`);
    };
    const limiter = new TimeBasedRateLimiter({ bucketSize: 10, timeFrame: FRAME, doRequest, logger: { minLevel: "critical" } });
    if (pause) limiter.pause();
    const all = ["a", "b", "c", "d", "e", "f"].map((name) => limiter.request(name));
    if (pause) limiter.resume();
    all.push(limiter.request("later"));
    await Promise.all(all);
    console.log(pause ? "with a pause:" : "without:", sent.join(", "));
    return sent;
};
(async () => {
    assert.deepEqual(await run(false), ["a", "b", "c", "d", "e", "f", "later"].map((name) => `${name} in frame 0`));
    const sent = await run(true);
    assert.deepEqual(sent.slice(0, 2), ["a in frame 0", "later in frame 0"]);
    assert.deepEqual(sent.slice(2, 3), ["b in frame 1"]);
    assert.ok(Number(sent.at(-1).split(" ").at(-1)) >= 3);
    console.log("as described: the queue does not use the bucket");
    process.exit(0);
})();
JS
node try.cjs
