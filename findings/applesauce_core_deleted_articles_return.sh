#!/usr/bin/env bash
# applesauce-core (npm, Nostr): articles and lists that their author has deleted come back, or an older version of them does.
#
# Guess: what a kind 5 event deletes stays away from the EventStore, in whatever order events arrive from several relays. By "a" all
# versions up to the time of the deletion go, by "e" the version named (NIP-09). For notes it is so.
# Happens: of deletions of one address the store keeps the time of the one that came last: an older deletion from another relay takes the
# newer one back, and the article is accepted again. A deletion by "e" of something replaceable works once: when the event arrives
# a second time, or arrives after the deletion, it stays. And with keepOldVersions a deletion by "a" takes every second version
# only, so that the newest of the rest is shown as the article.
# Hurts: readers who see withdrawn articles, lists and profiles, as it happens by the order of relays; authors who deleted them. (Of
# "limit" in a filter the store takes notice only if the filter has "since" or "until" too.)
# Way out: check deletions oneself with all kind 5 events of the author; without keepOldVersions.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts applesauce-core@6.2.0 nostr-tools@2.19.4 >/dev/null
cat >try.mjs <<'JS'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { EventStore } from "applesauce-core";
import { finalizeEvent, getPublicKey } from "nostr-tools";

console.log("applesauce-core", JSON.parse(readFileSync("node_modules/applesauce-core/package.json")).version);
const key = Uint8Array.from(Buffer.from("1".repeat(64), "hex"));
const author = getPublicKey(key);
const sign = (kind, created_at, tags, content = "") => finalizeEvent({ kind, created_at, tags, content }, key);
const address = ["a", `30023:${author}:x`];
const article = sign(30023, 150, [["d", "x"]], "article");
const note = sign(1, 150, [], "note");
const remove = (created_at, tag) => sign(5, created_at, [tag]);
// Each event as it would come from a relay: a new object.
const store = (options, ...events) => {
    const made = new EventStore(options);
    for (const event of events) made.add(JSON.parse(JSON.stringify(event)));
    return made;
};
const shown = (made) => made.getReplaceable(30023, author, "x")?.content ?? "nothing";
const check = (title, got, expected) => {
    console.log(`${title}: ${got}`);
    assert.equal(got, expected);
};

check("deleted by address at 200", shown(store({}, article, remove(200, address))), "nothing");
check("the article comes after that", shown(store({}, remove(200, address), article)), "nothing");
check("deletions of 100 and 200, then the article", shown(store({}, remove(100, address), remove(200, address), article)), "nothing");
check("deletions of 200 and 100, then the article", shown(store({}, remove(200, address), remove(100, address), article)), "article");

const byId = remove(200, ["e", article.id]);
check("deleted by id", shown(store({}, article, byId)), "nothing");
check("deleted by id, and it comes again", shown(store({}, article, byId, article)), "article");
check("the deletion by id comes first", shown(store({}, byId, article)), "article");
const notes = store({}, remove(200, ["e", note.id]), note);
check("a note whose deletion comes first", notes.getEvent(note.id)?.content ?? "nothing", "nothing");

const versions = [1, 2, 3, 4].map((number) => sign(30023, 100 + number, [["d", "x"]], `version ${number}`));
const old = store({ keepOldVersions: true }, ...versions, remove(200, address));
check("four versions kept, the address deleted", shown(old), "version 3");
const left = old.getReplaceableHistory(30023, author, "x").map((event) => event.content);
check("versions left", left.join(", "), "version 3, version 1");

const four = store({}, ...[1, 2, 3, 4].map((number) => sign(1, 100 + number, [], `note ${number}`)));
const sizes = [{ limit: 2 }, { limit: 2, until: 1000 }].map((more) => four.getTimeline({ kinds: [1], ...more }).length);
check("four notes, limit 2, without and with until", sizes.join(", "), "4, 2");
console.log("as described: what was deleted returns");
process.exit(0);
JS
node try.mjs
