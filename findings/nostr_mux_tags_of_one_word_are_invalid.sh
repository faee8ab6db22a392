#!/usr/bin/env bash
# nostr-mux (npm): an event with a tag of one word, such as ["-"] or ["content-warning"], is taken for invalid and left out.
#
# Guess: verifyEvent() says whether id and signature of an event are right and whether it has the form of NIP-01, where a tag is a
# list of one string or more. NIP-70 marks protected events by ["-"], NIP-36 lets the reason of ["content-warning"] away.
# Happens: each tag must have two words or more. Such an event, with a right id and signature, is "invalid": subscriptions drop it
# (a line in the log, if there is a log), publish() does not send it and raises where no caller can catch it. The same goes for
# a contact list or a profile that holds one such tag: Personalizer stays with the older version.
# Hurts: readers who never see these notes while other clients do; writers who protect a note and publish nothing; users whose list of
# contacts does not change any more, and who overwrite it by the stale one at the next change.
# Way out: read by another client (nostr-tools); write ["content-warning", ""] oneself.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts nostr-mux@0.0.8 nostr-tools@1.17.0 ws@8.18.0 >/dev/null
cat >try.mjs <<'JS'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { Mux, Personalizer, Relay, verifyEvent } from "nostr-mux";
import { finishEvent, getPublicKey, matchFilters, validateEvent, verifySignature } from "nostr-tools";
import { WebSocket, WebSocketServer } from "ws";

console.log("nostr-mux", JSON.parse(readFileSync("node_modules/nostr-mux/package.json")).version);
globalThis.WebSocket = WebSocket;
const key = "1".repeat(64);
const author = getPublicKey(key);
const friends = ["2", "3"].map((digit) => ["p", getPublicKey(digit.repeat(64))]);
const sign = (kind, created_at, content, tags) => finishEvent({ kind, created_at, content, tags }, key);
const stored = [
    sign(1, 100, "plain", []),
    sign(1, 101, "with a word of two", [["content-warning", ""]]),
    sign(1, 102, "protected", [["-"]]),
    sign(1, 103, "with a warning", [["content-warning"]]),
    sign(3, 100, "", friends.slice(0, 1)),
    sign(3, 200, "", [...friends, ["-"]]),
];
for (const event of stored) {
    assert.ok(validateEvent(event) && verifySignature(event));
    const verdict = await verifyEvent(event);
    console.log(JSON.stringify(event.tags.map((tag) => tag[0])), typeof verdict === "string" ? verdict : "is valid");
    assert.equal(typeof verdict === "string", event.tags.some((tag) => tag.length === 1));
}

const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
const published = [];
server.on("connection", (socket) => socket.on("message", (text) => {
    const [type, id, ...filters] = JSON.parse(text);
    if (type === "EVENT") {
        published.push(id.content);
        socket.send(JSON.stringify(["OK", id.id, true, ""]));
    }
    if (type !== "REQ") return;
    for (const event of stored.filter((event) => matchFilters(filters, event))) socket.send(JSON.stringify(["EVENT", id, event]));
    socket.send(JSON.stringify(["EOSE", id]));
}));
await new Promise((done) => server.once("listening", done));

const mux = new Mux();
mux.addRelay(new Relay("ws:" + `//127.0.0.1:${server.address().port}`));
await mux.waitRelayBecomesHealthy(1, 5000);
const personal = new Personalizer(author, { flushInterval: 200, contactList: { enable: true }, relayList: { enable: false } });
mux.installPlugin(personal);
const got = [];
mux.subscribe({ filters: [{ kinds: [1], authors: [author] }], onEvent: (list) => got.push(...list.map((e) => e.received.event.content)) });
let raised = "";
process.on("unhandledRejection", (error) => { raised = error.message; });
mux.publish(sign(1, 300, "sent plainly", []));
mux.publish(sign(1, 301, "sent protected", [["-"]]));
await new Promise((done) => setTimeout(done, 2500));

console.log("the relay has 4 notes, the subscription:", got.join(", "));
assert.deepEqual(got, ["plain", "with a word of two"]);
console.log("the newest list has 2 contacts, Personalizer:", personal.contactListEntries.length);
assert.equal(personal.contactListEntries.length, 1);
console.log("two notes are published, the relay gets:", published.join(", "), `(outside of any call: ${raised})`);
assert.deepEqual(published, ["sent plainly"]);
assert.match(raised, /tags property is invalid/);
console.log("as described: tags of one word make an event invalid");
process.exit(0);
JS
node try.mjs
