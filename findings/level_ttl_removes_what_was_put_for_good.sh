#!/usr/bin/env bash
# level-ttl (npm): an entry that is put again without a time to live is removed when the time of the former one is over.
#
# Guess: the last put counts ("if you put the same entry twice, you refresh the TTL to the last put operation"): who puts a key without
# a time, or with 0, keeps it. What a batch deletes is deleted with all that belongs to it.
# Happens: only a put with another time and del() undo the former time. put(key, value), put with ttl 0 and batch() without a time leave
# it standing, and at its end the new value goes. A batch's deletion leaves it too: a key deleted so and put anew, days
# later, is removed by the time of its first life.
# Hurts: who promotes what was temporary: a pending payment that is confirmed, a guest's session that becomes an account, a lock
# made permanent: the record vanishes at a moment nobody set, with no error. Short tests see nothing.
# Way out: del() before the put (not in a batch), or ttl(key, very long).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts level-ttl@3.1.1 levelup@4.4.0 memdown@5.1.0 encoding-down@6.3.0 >/dev/null 2>&1
cat >try.cjs <<'JS'
const assert = require("node:assert");
const { promisify } = require("node:util");
const { readFileSync } = require("node:fs");
const levelup = require("levelup");
const encode = require("encoding-down");
const memdown = require("memdown");
const ttl = require("level-ttl");

console.log("level-ttl", JSON.parse(readFileSync("node_modules/level-ttl/package.json")).version);
const db = ttl(levelup(encode(memdown())), { checkFrequency: 50 });
const put = promisify((key, value, options, done) => db.put(key, value, options, done));
const del = promisify((key, done) => db.del(key, done));
const batch = promisify((list, options, done) => db.batch(list, options, done));
const get = (key) => new Promise((done) => db.get(key, (error, value) => done(error ? (error.notFound ? "gone" : error.message) : String(value))));
const keys = ["put", "put, ttl 0", "put, ttl 1 minute", "batch", "batch del, put", "del, put"];
const all = async () => Object.fromEntries(await Promise.all(keys.map(async (key) => [key, await get(key)])));

(async () => {
    const short = { ttl: 400 };
    for (const key of keys) await put(key, "for a moment", short);
    await put("put", "for good", {});
    await put("put, ttl 0", "for good", { ttl: 0 });
    await put("put, ttl 1 minute", "for a minute", { ttl: 60000 });
    await batch([{ type: "put", key: "batch", value: "for good" }], {});
    await batch([{ type: "del", key: "batch del, put" }], {});
    await put("batch del, put", "for good", {});
    await del("del, put");
    await put("del, put", "for good", {});
    console.log("at once:", await all());
    await new Promise((done) => setTimeout(done, 1500));
    const after = await all();
    console.log("after the first time to live:", after);
    assert.deepEqual(after, { put: "gone", "put, ttl 0": "gone", "put, ttl 1 minute": "for a minute", batch: "gone",
        "batch del, put": "gone", "del, put": "for good" });
    console.log("as described: what was put for good is removed");
    process.exit(0);
})();
JS
node try.cjs
