#!/usr/bin/env bash
# nostr-crypto-utils (npm): an naddr is written in a layout that only this package reads.
#
# Guess: naddrEncode and decode are those of NIP-19, where the first field (type 0) of an naddr is the identifier, type 2 the author and
# type 3 the kind. Links of one client open in the others.
# Happens: type 0 is the author, and the identifier goes into a type 4 that does not exist. nostr-tools refuses the result ("missing TLV
# 2"); naddrs that others made raise "Invalid hex string length" here, and one whose identifier has 32 characters is read
# without an error, with these as data and no identifier.
# Hurts: links to articles, lists and shops that are shared open nowhere else, and those of others do not open here, while tests that
# go there and back with the package are green.
# Way out: nip19 of nostr-tools. (npub, note, nprofile and nevent are right here too.)
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts nostr-crypto-utils@0.5.3 nostr-tools@2.25.2 >/dev/null
cat >try.cjs <<'JS'
const assert = require("node:assert");
const { readFileSync } = require("node:fs");
const { nip19: other, generateSecretKey, getPublicKey } = require("nostr-tools");
const utils = require("nostr-crypto-utils");

console.log("nostr-crypto-utils", JSON.parse(readFileSync("node_modules/nostr-crypto-utils/package.json")).version);
const mine = utils.nip19 ?? utils;
const secret = generateSecretKey();
const pubkey = getPublicKey(secret);
const fails = (call) => { try { return void call(); } catch (error) { return error.message; } };

assert.equal(other.decode(mine.npubEncode(pubkey)).data, pubkey);
assert.equal(other.decode(mine.nprofileEncode(pubkey, ["wss://relay.example"])).data.pubkey, pubkey);
const address = { pubkey, kind: 30023, identifier: "tea", relays: [] };
const written = mine.naddrEncode(pubkey, 30023, "tea");
const back = mine.decode(written);
console.log("its own:", back.identifier, back.kind, back.data === pubkey);
assert.deepEqual([back.identifier, back.kind, back.data], ["tea", 30023, pubkey]);
const refusal = fails(() => other.decode(written));
console.log("nostr-tools reads it:", refusal);
assert.ok(refusal);
const refused = fails(() => mine.decode(other.naddrEncode(address)));
console.log("an naddr of nostr-tools read here:", refused);
assert.ok(refused);
const misread = mine.decode(other.naddrEncode({ ...address, identifier: "tea, coffee and other hot drinks" }));
console.log("with 32 letters:", { data: misread.data, identifier: misread.identifier });
assert.equal(Buffer.from(misread.data, "hex").toString(), "tea, coffee and other hot drinks");
assert.equal(misread.identifier, undefined);
console.log("as described: addresses of its own");
JS
node try.cjs
