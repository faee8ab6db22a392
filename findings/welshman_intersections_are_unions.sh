#!/usr/bin/env bash
# @welshman/util and @welshman/feeds (npm, Nostr): the intersection of two filters of one kind lets through what either lets through.
#
# Guess: intersectFilters([[{ kinds: [1, 6] }], [{ kinds: [6, 7] }]]) are filters for what passes both groups: kind 6. For authors [a]
# and authors [b] nothing is left. An intersection feed of "whom I follow" and "trust of 0.5 or more" shows those who are both. The
# package's text says: intersection of filter groups, overlapping filters.
# Happens: lists under one key are joined: kinds [1, 6, 7], authors [a, b]. The feed compiles to the authors of both lists. Keys that
# stand on one side only are right (kinds on one, authors on the other), so is since; the tests know no more than that. "limit" is the
# larger one. And unionFilters() joins by the names of keys: of { kinds: [1], authors: [a] } and { kinds: [7], authors: [b] } it makes
# one filter for both kinds of both, which neither asks for; matchFilter() looks for the first word of "search" alone.
# Hurts: feeds composed by users: narrowing by a second list of people, topics or kinds widens the feed, with strangers and spam.
# Way out: cut the lists before they become filters (intersection() of @welshman/lib); match events with each group once more.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts nostr-tools@2.19.4 @noble/curves@1.9.7 @welshman/feeds@0.8.15 \
    @welshman/util@0.8.15 @welshman/lib@0.8.15 @welshman/net@0.8.15 @welshman/router@0.8.15 @welshman/signer@0.8.15 >/dev/null
cat >try.mjs <<'JS'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { FeedCompiler, makeIntersectionFeed, makeScopeFeed, makeWOTFeed, Scope } from "@welshman/feeds";
import { intersectFilters, matchFilter, matchFilters, unionFilters } from "@welshman/util";

console.log("@welshman/util", JSON.parse(readFileSync("node_modules/@welshman/util/package.json")).version);
const show = (what, filters) => console.log(`${what}: ${JSON.stringify(filters)}`);
const event = (kind, pubkey, content = "") => ({ id: "", kind, pubkey, content, created_at: 100, tags: [], sig: "" });

const apart = intersectFilters([[{ kinds: [1, 6] }], [{ authors: ["a"], since: 50 }]]);
show("kinds [1, 6] and authors [a] since 50", apart);
assert.deepEqual(apart, [{ kinds: [1, 6], authors: ["a"], since: 50 }]);

const [one, two] = [[{ kinds: [1, 6] }], [{ kinds: [6, 7] }]];
const kinds = intersectFilters([one, two]);
show("kinds [1, 6] and kinds [6, 7]", kinds);
assert.deepEqual(kinds, [{ kinds: [1, 6, 7] }]);
assert.ok(matchFilters(kinds, event(7, "a")) && !matchFilters(one, event(7, "a")));
const authors = intersectFilters([[{ authors: ["a"] }], [{ authors: ["b"] }]]);
show("authors [a] and authors [b]", authors);
assert.deepEqual(authors, [{ authors: ["a", "b"] }]);

const parts = [{ kinds: [1], authors: ["a"] }, { kinds: [7], authors: ["b"] }];
const union = unionFilters(parts);
show("kind 1 of a, or kind 7 of b", union);
assert.ok(matchFilters(union, event(7, "a")) && !matchFilters(parts, event(7, "a")));

const herring = event(1, "a", "red herring");
const found = ["red apple", "apple red"].map((search) => matchFilter({ search }, herring));
console.log(`"red herring" for the search "red apple" and "apple red": ${found.join(", ")}`);
assert.deepEqual(found, [true, false]);

const compiler = new FeedCompiler({ getPubkeysForScope: () => ["ann", "bob"], getPubkeysForWOTRange: () => ["bob", "stranger"] });
const feed = makeIntersectionFeed(makeScopeFeed(Scope.Follows), makeWOTFeed({ min: 0.5 }));
assert.ok(compiler.canCompile(feed));
const requests = await compiler.compile(feed);
console.log("@welshman/feeds: followed (ann, bob) and trusted (bob, stranger):", JSON.stringify(requests));
assert.deepEqual(requests.map((request) => request.filters), [[{ authors: ["ann", "bob", "stranger"] }]]);
console.log("as described: intersections are unions");
process.exit(0);
JS
node try.mjs
