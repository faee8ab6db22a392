#!/usr/bin/env bash
# nostr-relaypool (npm): two authors share one limit, and with the cache of events a filter gives what it leaves out.
#
# Guess: the pool merges filters to ask relays for less; each subscription is answered as if it had asked alone. Of { authors: [ann],
# limit: 1 } and { authors: [bob], limit: 1 } come the newest note of Ann and the newest of Bob (NIP-01: limits are each filter's own).
# With useEventCache an event that is known already comes at once.
# Happens: the filters become { authors: [ann, bob], limit: 1 }: one note in all, that of the busier author, and the other
# subscription, from another part of the program and delayed to be batched, is answered by nothing and an end. With the cache, known
# events of the author are handed on whatever else the filter says: older than "since", without the tag, more than "limit"; and
# { kinds: [7], #t: [x] } gives a note of kind 1.
# Hurts: clients that show many people's latest word (and Author.text() with a limit of 100 for each person seen): the quiet ones
# have none. And feeds and notifications by tag or time, where the cache is on.
# Way out: one subscription with onEose for each filter that has a limit (those are not merged), matchFilter() once more.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts \
    nostr-relaypool@0.6.30 nostr-tools@1.17.0 isomorphic-ws@5.0.0 ws@8.18.0 >/dev/null
cat >try.mjs <<'JS'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { RelayPool } from "nostr-relaypool";
import { finishEvent, getPublicKey, matchFilter } from "nostr-tools";
import { WebSocketServer } from "ws";

console.log("nostr-relaypool", JSON.parse(readFileSync("node_modules/nostr-relaypool/package.json")).version);
const [annKey, bobKey] = ["1", "2"].map((digit) => digit.repeat(64));
const [ann, bob] = [annKey, bobKey].map(getPublicKey);
const note = (key, created_at, content, tags = []) => finishEvent({ kind: 1, created_at, content, tags }, key);
const stored = [note(annKey, 100, "ann's old"), note(annKey, 200, "ann's new", [["t", "x"]]), note(bobKey, 50, "bob's")];

// A small relay that answers filters as NIP-01 says.
const relay = new WebSocketServer({ host: "127.0.0.1", port: 0 });
const asked = [];
relay.on("connection", (socket) => socket.on("message", (text) => {
    const [type, id, ...filters] = JSON.parse(text);
    if (type !== "REQ") return;
    asked.push(filters);
    const found = filters.flatMap((filter) => stored.filter((event) => matchFilter(filter, event))
        .sort((a, b) => b.created_at - a.created_at).slice(0, filter.limit ?? 500));
    for (const event of new Set(found)) socket.send(JSON.stringify(["EVENT", id, event]));
    socket.send(JSON.stringify(["EOSE", id]));
}));
await new Promise((done) => relay.once("listening", done));
const url = "ws:" + `//127.0.0.1:${relay.address().port}`;
const sleep = (millis) => new Promise((done) => setTimeout(done, millis));

// Subscriptions that are opened one after the other, in one pool.
const inTurn = async (options, ...filters) => {
    const pool = new RelayPool([url], options);
    const answers = [];
    for (const filter of filters) {
        const got = new Set();
        pool.subscribe([filter], [url], (event) => got.add(event.content));
        await sleep(800);
        answers.push([...got].sort().join(", ") || "nothing");
    }
    await pool.close();
    return answers;
};
const show = (title, answers) => console.log(`${title}: ${answers.join(" | ")}`);

const latest = [ann, bob].map((author) => ({ authors: [author], limit: 1 }));
const alone = await inTurn({}, ...latest);
show("the latest of Ann and of Bob, asked one after the other", alone);
assert.deepEqual(alone, ["ann's new", "bob's"]);

asked.length = 0;
const pool = new RelayPool([url]);
const got = [[], []];
latest.forEach((filter, i) => pool.subscribe([filter], [url], (event) => got[i].push(event.content), 50));
await sleep(1500);
await pool.close();
show("in two subscriptions, batched", got.map((list) => list.join(", ") || "nothing"));
console.log(`the relay was asked for ${asked[0][0].authors.length} authors with a limit of ${asked[0][0].limit}`);
assert.deepEqual(got, [["ann's new"], []]);
assert.equal(asked[0].length, 1);

const filters = [{ authors: [ann] }, { authors: [ann], since: 150 }, { authors: [ann], "#t": ["x"] }, { authors: [ann], limit: 1 },
    { kinds: [7], "#t": ["x"] }];
const plain = await inTurn({}, ...filters);
show("all, since 150, tagged x, limit 1, kind 7 tagged x", plain);
assert.deepEqual(plain, ["ann's new, ann's old", "ann's new", "ann's new", "ann's new", "nothing"]);
const cached = await inTurn({ useEventCache: true }, ...filters);
show("the same with useEventCache", cached);
assert.deepEqual(cached.slice(0, 4), Array(4).fill("ann's new, ann's old"));
assert.equal(cached[4], "ann's new");
console.log("as described: one limit for two, and cached events pass each filter");
process.exit(0);
JS
node try.mjs
