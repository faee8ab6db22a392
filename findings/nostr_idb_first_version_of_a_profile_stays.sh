#!/usr/bin/env bash
# nostr-idb (npm): of two versions of a replaceable event the first to come is kept, and the newer one is lost.
#
# Guess: NIP-01 keeps of each replaceable event (profile, follow list, relay list) the one with the latest time. The page says that
# replaceable() gives "the latest" and subscribe() "any new events added via add()".
# Happens: while a version waits to be written (100 ms), add() of another with the same author and kind returns true and drops it,
# whichever is newer: it never reaches the database. A newer version that comes later is written, but query() goes on returning the
# first one, which is kept in memory for as long as the object lives, and no subscription hears of the newer. replaceable()
# and query() then disagree. Of several filters the smallest limit holds for all: 20 notes and 1 profile are 1 event.
# Hurts: clients that cache what relays send: relays send old and new versions side by side, and whoever then edits the list
# he was given publishes the old one again, without the contacts that were added since.
# Way out: compare times before add(); a new NostrIDB on the same database; one query a filter.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund nostr-idb@5.1.0 fake-indexeddb@6.2.5 idb@8.0.3 debug@4.4.3 >/dev/null
cat >try.mjs <<'JS'
import "fake-indexeddb/auto";
import assert from "node:assert";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { NostrIDB, openDB } from "nostr-idb";

console.log("nostr-idb", JSON.parse(readFileSync("node_modules/nostr-idb/package.json")).version);
const author = "ab".repeat(32);
const event = (kind, created_at, content) => {
    const body = [0, author, created_at, kind, [], content];
    return { id: createHash("sha256").update(JSON.stringify(body)).digest("hex"), pubkey: author, created_at, kind, tags: [], content,
        sig: "00".repeat(64) }; // the package leaves signatures to its caller
};
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const profile = { kinds: [0], authors: [author] };
const texts = (events) => events.map((e) => e.content);

// Two relays answer within the same 100 ms, the one with the old version first.
let store = new NostrIDB(await openDB("both at once"));
await wait(50);
assert.equal(await store.add(event(0, 1000, "old")), true);
assert.equal(await store.add(event(0, 2000, "new")), true);
await wait(500);
let got = texts(await store.query([profile]));
console.log("both at once: query", got, "replaceable", (await store.replaceable(0, author)).content);
assert.deepEqual(got, ["old"]);
assert.equal((await store.replaceable(0, author)).content, "old");
await store.stop();
store = new NostrIDB(await openDB("both at once"));
await wait(50);
got = texts(await store.query([profile]));
console.log("after a restart:", got);
assert.deepEqual(got, ["old"]);
await store.stop();

// The new version comes later, while somebody listens.
const base = await openDB("one after the other");
store = new NostrIDB(base);
await wait(50);
await store.add(event(0, 1000, "old"));
await wait(500);
const heard = [];
const listening = store.subscribe([profile]);
(async () => { for await (const e of listening) heard.push(e.content); })();
await wait(50);
await store.add(event(0, 2000, "new"));
await wait(500);
got = texts(await store.query([profile]));
console.log("one after the other: query", got, "heard", heard, "replaceable", (await store.replaceable(0, author)).content);
assert.deepEqual(got, ["old"]);
assert.deepEqual(heard, ["old"]);
assert.equal((await store.replaceable(0, author)).content, "new");
await store.stop();
store = new NostrIDB(base);
await wait(50);
got = texts(await store.query([profile]));
console.log("another object on the same database:", got);
assert.deepEqual(got, ["new"]);

// Limits: each filter has its own (NIP-01).
for (let n = 0; n < 20; n++) await store.add(event(1, 3000 + n, `note ${n}`));
await wait(500);
const notes = { kinds: [1], limit: 20 };
const counts = [await store.query([notes]), await store.query([notes, { ...profile, limit: 1 }])].map((l) => l.length);
console.log("notes with limit 20:", counts[0], "events; the same and a profile with limit 1:", counts[1]);
assert.deepEqual(counts, [20, 1]);
await store.stop();
console.log("as described: the first version stays");
process.exit(0);
JS
node try.mjs
