#!/usr/bin/env bash
# @nostr-dev-kit/ndk (npm, Nostr): of two searches one is asked, both are answered by it; an address with a colon gives another article.
#
# Guess: subscriptions that start within a few milliseconds are grouped into one request, and each gets what it asked for. fetchEvent()
# takes an address (kind:author:identifier), where the identifier may hold colons ("a:b", or a URL) or be empty (NIP-01).
# Happens: filters with the same keys are joined; "search" (NIP-50) is a text, of which the last one stays. The first search is never
# asked, and its subscription is given the results of the second: events go to each subscription whose filter fits, and the search is
# not looked at (so ungrouped searches that are open together mix too). Numbers like since and limit are taken care of. Of an address
# the third part up to the next colon is the identifier: for "a:b" the article "a" comes; for an empty one no "d" is asked, so that
# any article of the author comes.
# Hurts: pages that search for several words at once, or for notes in one component and for people in another; readers of articles
# whose identifier is a URL or has a name space, who see another text under a right link, signed by the right author.
# Way out: searches one after the other, with groupable: false; fetchEvent() with a filter ({ kinds, authors, "#d" }).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts @nostr-dev-kit/ndk@3.0.3 nostr-tools@2.25.2 ws@8.18.0 >/dev/null
cat >try.mjs <<'JS'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import NDK from "@nostr-dev-kit/ndk";
import { finalizeEvent, getPublicKey, matchFilter } from "nostr-tools";
import { WebSocket, WebSocketServer } from "ws";

console.log("@nostr-dev-kit/ndk", JSON.parse(readFileSync("node_modules/@nostr-dev-kit/ndk/package.json")).version);
globalThis.WebSocket ??= WebSocket;
const key = Uint8Array.from(Buffer.from("1".repeat(64), "hex"));
const author = getPublicKey(key);
const sign = (kind, created_at, content, tags = []) => finalizeEvent({ kind, created_at, content, tags }, key);
const stored = [
    sign(1, 101, "an apple"), sign(1, 102, "a pear"),
    ...["", "a", "a:b", "z"].map((name, i) => sign(30023, 200 + i, `article "${name}"`, [["d", name]])),
];

// A small relay with search.
const relay = new WebSocketServer({ host: "127.0.0.1", port: 0 });
const asked = [];
relay.on("connection", (socket) => socket.on("message", (text) => {
    const [type, id, ...filters] = JSON.parse(text);
    if (type !== "REQ") return;
    asked.push(...filters);
    const found = filters.flatMap(({ search, ...filter }) => stored.filter((event) => matchFilter(filter, event) && event.content.includes(search ?? ""))
        .sort((a, b) => b.created_at - a.created_at).slice(0, filter.limit ?? 500));
    for (const event of new Set(found)) socket.send(JSON.stringify(["EVENT", id, event]));
    socket.send(JSON.stringify(["EOSE", id]));
}));
await new Promise((done) => relay.once("listening", done));
const ndk = new NDK({ enableOutboxModel: false, explicitRelayUrls: ["ws:" + `//127.0.0.1:${relay.address().port}`] });
await ndk.connect(5000);

const searches = async (options) => {
    asked.length = 0;
    const got = ["apple", "pear"].map((search) => {
        const list = [];
        ndk.subscribe({ kinds: [1], search }, { closeOnEose: true, ...options }).on("event", (event) => list.push(event.content));
        return list;
    });
    await new Promise((done) => setTimeout(done, 3000));
    return got;
};
const apart = await searches({ groupable: false });
console.log("ungrouped, apple and pear:", JSON.stringify(apart), "asked:", JSON.stringify(asked));
assert.ok(apart[0].includes("an apple") && apart[1].includes("a pear"));
assert.equal(asked.length, 2);
const grouped = await searches({});
console.log("grouped, apple and pear:", JSON.stringify(grouped), "asked:", JSON.stringify(asked));
assert.deepEqual(grouped, [["a pear"], ["a pear"]]);
assert.deepEqual(asked, [{ kinds: [1], search: "pear" }]);

for (const [name, expected] of [["a", "a"], ["z", "z"], ["a:b", "a"], ["", "z"]]) {
    const event = await ndk.fetchEvent(`30023:${author}:${name}`);
    console.log(`30023:...:${name} is answered by ${event?.content}`);
    assert.equal(event?.content, `article "${expected}"`);
}
console.log("as described: results of another search, another article");
process.exit(0);
JS
node try.mjs
