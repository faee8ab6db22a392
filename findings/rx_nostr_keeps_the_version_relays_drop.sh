#!/usr/bin/env bash
# rx-nostr (npm): of two versions of the same second latest() keeps the one that relays throw away.
#
# Guess: latest(), latestEach() and laterEvent() choose between versions of a replaceable event as NIP-01 says: the later one, and of two
# of the same second that with the lower id. timeline() sorts like relays answer: newest first, then by id from the lowest.
# Happens: times are right; of one second the higher id is "later", so that it stays, and stands before the lower one. It is the
# same whatever comes first, so that the client always contradicts the relays. timeline(1) keeps the other event than limit 1 does.
# Hurts: lists that a program changes twice within a second (follow two people, change two relays): the client goes on with one
# version, relays and other clients have the other; what the next change is made of depends on who answered.
# Way out: a time that is one second later than the version before (NIP-01 wants no more); nostr-tools' sortEvents().
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts rx-nostr@3.7.5 rxjs@7.8.1 nostr-tools@2.19.4 >/dev/null
cat >try.mjs <<'JS'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { finalizeEvent, sortEvents } from "nostr-tools";
import { latest, latestEach, laterEvent, timeline } from "rx-nostr";
import { from, lastValueFrom } from "rxjs";

console.log("rx-nostr", JSON.parse(readFileSync("node_modules/rx-nostr/package.json")).version);
const key = Uint8Array.from(Buffer.from("1".repeat(64), "hex"));
const sign = (created_at, content) => finalizeEvent({ kind: 0, created_at, content, tags: [] }, key);
const run = (events, operator) => lastValueFrom(from(events.map((event) => ({ event, from: "" }))).pipe(operator));
const [old, recent] = [sign(100, "old"), sign(200, "recent")];
for (const events of [[old, recent], [recent, old]]) assert.equal((await run(events, latest())).event.content, "recent");
console.log("of 100 and 200 the later stays");

const [low, high] = [sign(300, "a"), sign(300, "b")].sort((a, b) => (a.id < b.id ? -1 : 1));
const name = (event) => (event.id === low.id ? "lower id" : "higher id");
for (const events of [[low, high], [high, low]]) {
    const results = [
        (await run(events, latest())).event,
        (await run(events, latestEach(({ event }) => event.pubkey))).event,
        laterEvent(...events),
        (await run(events, timeline(1)))[0].event,
        sortEvents([...events])[0],
    ].map(name);
    console.log(`${name(events[0])} comes first: latest(), latestEach(), laterEvent(), timeline(1): ${results.slice(0, 4).join(", ")};`,
        `sortEvents() of nostr-tools: ${results[4]}`);
    assert.deepEqual(results, ["higher id", "higher id", "higher id", "higher id", "lower id"]);
}
console.log("as described: the version that relays drop");
process.exit(0);
JS
node try.mjs
