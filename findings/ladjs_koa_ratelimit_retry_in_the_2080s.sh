#!/usr/bin/env bash
# @ladjs/koa-simple-ratelimit (npm): who has asked too often is told to come back in 56 years.
#
# Guess: a refused request gets status 429 and Retry-After, which is a number of seconds to wait or a date (RFC 9110, 10.2.3). Within
# a window of a minute it is a minute at most. X-RateLimit-Reset is the time at which the window ends, and stays while it lasts.
# Happens: Retry-After is the number of seconds from 1970 to a window's length from now, which as a wait ends in the 2080s. The body says "retry in
# 59 seconds". X-RateLimit-Reset is that same number, which moves on with each request: it is never the end of the window.
# Hurts: clients that heed Retry-After, as libraries and crawlers do: they give up, wait for ever, or cut it to their own longest wait.
# Those that wait for X-RateLimit-Reset wait longer than they must each time they ask.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts @ladjs/koa-simple-ratelimit@4.1.1 koa@2.15.3 ioredis@5.4.1 ioredis-mock@8.9.0 >/dev/null
cat >try.cjs <<'JS'
const assert = require("node:assert");
const Koa = require("koa");
const Redis = require("ioredis-mock");
const ratelimit = require("@ladjs/koa-simple-ratelimit");
console.log("@ladjs/koa-simple-ratelimit", require("@ladjs/koa-simple-ratelimit/package.json").version);

(async () => {
    const app = new Koa();
    app.use(ratelimit({ db: new Redis(), max: 2, duration: 60000 }));
    app.use((ctx) => { ctx.body = "hello"; });
    const server = await new Promise((done) => { const made = app.listen(0, "127.0.0.1", () => done(made)); });
    const url = "http:" + `//127.0.0.1:${server.address().port}/`;
    const answers = [];
    for (let n = 0; n < 4; n++) {
        const answer = await fetch(url);
        const [reset, retry] = ["x-ratelimit-reset", "retry-after"].map((name) => answer.headers.get(name));
        answers.push({ status: answer.status, reset: Number(reset), retry: retry && Number(retry), body: await answer.text() });
        console.log(answer.status, "reset", reset, "retry-after", retry, answers.at(-1).body);
        await new Promise((done) => setTimeout(done, 1100));
    }
    server.close();
    assert.deepEqual(answers.map(({ status }) => status), [200, 200, 429, 429]);
    const now = Date.now() / 1000;
    const { retry, reset, body } = answers[2];
    assert.match(body, /^Rate limit exceeded, retry in 5\d seconds\.$/);
    assert.equal(retry, reset);
    assert.ok(retry > now && retry < now + 61);
    console.log("the wait ends in the year", new Date((now + retry) * 1000).getUTCFullYear());
    assert.ok(answers[3].reset > answers[0].reset + 2);
    console.log("as described: a time since 1970 is given as a wait, and the end moves");
    process.exit(0);
})();
JS
node try.cjs
