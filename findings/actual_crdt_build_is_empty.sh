#!/usr/bin/env bash
# @actual-app/crdt (npm): a Merkle trie that is built of a list of timestamps is empty, so that any two stores seem equal.
#
# Guess: merkle.build(timestamps) is what merkle.insert() makes of them one after the other; the text of insert() says that it
# mutates the trie. diff() of two tries then finds since when two stores differ.
# Happens: insert() mutates nothing and returns another trie, and build() does not keep what it returns. Each list gives
# { hash: 0 }, and diff() of two of them is null, which means that there is nothing to fetch.
# Hurts: who restores the trie from a store (after a loss, or for a check) and compares it with a peer's: "in sync" is said of
# stores that share nothing, and the messages that are missing are never asked for.
# Way out: timestamps.reduce(merkle.insert, merkle.emptyTrie()).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund @actual-app/crdt@3.1.3 >/dev/null
cat >finding.js <<'JS'
import assert from "assert";
import { readFileSync } from "fs";
import { merkle, Timestamp } from "@actual-app/crdt";
console.log("@actual-app/crdt", JSON.parse(readFileSync("node_modules/@actual-app/crdt/package.json")).version);

const stamp = (day) => Timestamp.parse(`2026-05-0${day}T10:00:00.000Z-0000-00000000000000a1`);
const all = [1, 2, 3].map(stamp);
const some = [1].map(stamp);
const inserted = (list) => list.reduce((trie, timestamp) => merkle.insert(trie, timestamp), merkle.emptyTrie());

const day = (millis) => (millis === null ? "never" : new Date(millis).toISOString().slice(0, 10));
const known = merkle.diff(inserted(all), inserted(some));
console.log("three messages and one of them, inserted: the stores differ since", day(known));
assert.ok(known !== null && known <= all[1].millis());

const built = merkle.build(all);
console.log("the three, built:", JSON.stringify(built));
assert.deepEqual(built, { hash: 0 });
const unknown = merkle.diff(merkle.build(all), merkle.build(some));
console.log("three messages and one of them, built: the stores differ since", day(unknown));
assert.equal(unknown, null);

const trie = merkle.emptyTrie();
merkle.insert(trie, all[0]);
assert.deepEqual(trie, { hash: 0 }, "insert() leaves the trie alone");
console.log("as described: what is built is empty");
JS
node finding.js
