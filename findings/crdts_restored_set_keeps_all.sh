#!/usr/bin/env bash
# The npm package crdts: a set that was restored from JSON can no longer remove what was in it.
#
# Guess: toJSON() and from() of an OR-Set, LWW-Set or 2P-Set are there to store a replica or to send it to a peer. The copy
# behaves as the original: remove() removes.
# Happens: from() restores the operations, but not the index of values that add() and remove() look at. remove() of an OR-Set
# or LWW-Set is then silently ignored. add() makes a second record beside the first, and a removal after it reaches the
# first one only. Without the way over JSON all is right, and 2P-Sets are right in both ways.
# Hurts: nodes that keep a list of members or bans as a CRDT on disk: after each restart nobody can be removed from it any
# more, no error is raised, and the replicas differ for good.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund crdts@0.2.0 >/dev/null
cat >finding.js <<'JS'
import assert from "assert";
import { readFileSync } from "fs";
import { LWWSet, ORSet, TwoPSet } from "crdts";
console.log("crdts", JSON.parse(readFileSync("node_modules/crdts/package.json")).version);

function afterRemoval(Kind, restored) {
  let members = new Kind();
  members.add("alice", 1);
  members.add("bob", 2);
  if (restored) members = Kind.from(JSON.parse(JSON.stringify(members)));
  assert.deepEqual(members.toArray(), ["alice", "bob"]);
  members.remove("alice", 3);
  return members.toArray();
}

for (const Kind of [TwoPSet, ORSet, LWWSet]) {
  const [kept, restored] = [afterRemoval(Kind, false), afterRemoval(Kind, true)];
  console.log(`${Kind.name} after remove("alice"): ${kept}; restored from JSON first: ${restored}`);
  assert.deepEqual(kept, ["bob"]);
  assert.deepEqual(restored, Kind === TwoPSet ? ["bob"] : ["alice", "bob"]);
}

// A value that is added again after the restart has two records, and a removal reaches the first one only.
let members = new ORSet();
members.add("alice", 1);
members = ORSet.from(JSON.parse(JSON.stringify(members)));
members.add("alice", 2);
members.remove("alice");
console.log("ORSet, restored, added again and removed:", members.toArray());
assert.deepEqual(members.toArray(), ["alice"]);
console.log("as described: what was restored cannot be removed");
JS
node finding.js
