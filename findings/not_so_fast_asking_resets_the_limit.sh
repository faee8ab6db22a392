#!/usr/bin/env bash
# @kidkarolis/not-so-fast (npm): who asks whether there is a token before taking one gets several times as many as the limit.
#
# Guess: { threshold: 20, ttl: 60 } allows 20 per minute: a minute begins with the first token and all is reset when it ends. hasToken() is
# for "when you may want to check without consuming", so it changes nothing.
# Happens: as long as no token was taken, each hasToken() sets a timer of its own for a reset, and each of these empties the store when it
# rings, whatever was taken since. Ten questions spread over a minute make ten resets spread over the next one: two hundred tokens
# in that minute. If no question is asked before the first token, there is one reset, and the limit holds.
# Hurts: programs that look first and take then, as the documentation shows: what they send to a service with a quota exceeds it by as
# many times as they had asked before, the more the quieter it was.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts @kidkarolis/not-so-fast@1.0.1 >/dev/null
cat >try.cjs <<'JS'
const assert = require("node:assert");
const RateLimiter = require("@kidkarolis/not-so-fast");
console.log("@kidkarolis/not-so-fast", require("@kidkarolis/not-so-fast/package.json").version);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** How many tokens there are within 2.9 seconds of the first one, at 10 in 3 seconds. */
const tokens = async (questions) => {
    const limiter = new RateLimiter({ threshold: 10, ttl: 3 });
    for (let n = 0; n < questions; n++) {
        assert.equal(limiter.hasTokenSync("service"), true);
        await sleep(500);
    }
    let taken = 0;
    const end = Date.now() + 2900;
    while (Date.now() < end) {
        while (limiter.consumeSync("service")) taken++;
        await sleep(50);
    }
    console.log(`10 in 3 seconds, ${questions} questions in the 3 seconds before: ${taken} tokens in the next ones`);
    return taken;
};
(async () => {
    const [none, five] = await Promise.all([tokens(0), tokens(5)]);
    assert.equal(none, 10);
    assert.equal(five, 60);
    console.log("as described: each question is a reset");
})();
JS
node try.cjs
