#!/usr/bin/env bash
# @nostr-relay/core (npm): a subscription to what mentions one user is sent the new events of everybody.
#
# Guess: a REQ with {"kinds": [1], "#p": [me]} brings the stored events that match, and after EOSE the new ones that match (NIP-01).
# The filter's type of the package has each of these tags.
# Happens: for stored events the filter goes to the repository, tags and all; new events are matched by ids, authors, kinds and times
# only. Each subscriber by #p, #e, #t, #d ... gets every new event of the kind, whoever it is about. A deletion (kind 5) is
# neither stored nor sent to anyone, so other clients never hear of it (NIP-09 wants it kept and shared).
# Hurts: clients which trust that a relay's answers match, as many do: foreign replies and reactions appear, counts are wrong; and
# traffic: a chat of two makes the whole relay's traffic go to both. It stays small, and so unseen, on a relay of one's own.
# Way out: a plugin for broadcasts that compares tags itself; in clients match again (nostr-tools: matchFilters).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts @nostr-relay/core@0.0.40 @nostr-relay/common@0.0.40 nostr-tools@2.25.2 >/dev/null
cat >try.mjs <<'JS'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import core from "@nostr-relay/core";
import common from "@nostr-relay/common";
import { finalizeEvent, generateSecretKey, getPublicKey, matchFilters } from "nostr-tools";

console.log("@nostr-relay/core", JSON.parse(readFileSync("node_modules/@nostr-relay/core/package.json")).version);

// A store in memory, which matches as nostr-tools does.
class Store extends common.EventRepository {
    events = [];
    isSearchSupported() { return false; }
    upsert(event) { this.events.push(event); return { isDuplicate: false }; }
    find(filter) { return this.events.filter((event) => matchFilters([filter], event)); }
    async destroy() {}
}
const relay = new core.NostrRelay(new Store(), { logLevel: common.LogLevel.ERROR, filterResultCacheTtl: 0 });
const connect = () => {
    const client = { readyState: 1, got: [], send(text) { this.got.push(JSON.parse(text)); } };
    relay.handleConnection(client, "127.0.0.1");
    return client;
};
const contents = (client) => client.got.filter((m) => m[0] === "EVENT").map((m) => m[2].content);
const [alice, bob, carol] = [1, 2, 3].map(() => generateSecretKey());
const note = (to, content, created_at) =>
    finalizeEvent({ kind: 1, created_at, tags: [["p", getPublicKey(to)], ["t", "tea"]], content }, alice);

const writer = connect();
await relay.handleMessage(writer, ["EVENT", note(bob, "stored, to bob", 1000)]);
await relay.handleMessage(writer, ["EVENT", note(carol, "stored, to carol", 1001)]);
const filters = { "by #p": { kinds: [1], "#p": [getPublicKey(bob)] }, "by #t": { kinds: [1], "#t": ["coffee"] }, "by kind": { kinds: [7] } };
const readers = {};
for (const [name, filter] of Object.entries(filters)) {
    readers[name] = connect();
    await relay.handleMessage(readers[name], ["REQ", "sub", filter]);
    console.log(name, "stored events:", contents(readers[name]));
}
assert.deepEqual(contents(readers["by #p"]), ["stored, to bob"]);
assert.deepEqual(contents(readers["by #t"]), []);
const fresh = note(carol, "new, to carol", 1002);
await relay.handleMessage(writer, ["EVENT", fresh]);
for (const name of Object.keys(readers)) console.log(name, "after a new one to carol about tea:", contents(readers[name]));
assert.equal(matchFilters([filters["by #p"]], fresh), false);
assert.deepEqual(contents(readers["by #p"]), ["stored, to bob", "new, to carol"]);
assert.deepEqual(contents(readers["by #t"]), ["new, to carol"]);
assert.deepEqual(contents(readers["by kind"]), []);

const watcher = connect();
await relay.handleMessage(watcher, ["REQ", "sub", { kinds: [5] }]);
const deletion = finalizeEvent({ kind: 5, created_at: 1003, tags: [["e", fresh.id]], content: "" }, alice);
await relay.handleMessage(writer, ["EVENT", deletion]);
const late = connect();
await relay.handleMessage(late, ["REQ", "sub", { kinds: [5] }]);
console.log("deletion:", writer.got.at(-1).slice(2), "heard by a subscriber:", contents(watcher).length, "found later:", contents(late).length);
assert.equal(writer.got.at(-1)[2], true);
assert.equal(contents(watcher).length + contents(late).length, 0);
console.log("as described: new events are not matched by their tags");
process.exit(0);
JS
node try.mjs
