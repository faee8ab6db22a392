#!/usr/bin/env bash
# nostr-nsec-seedphrase (npm): the words of a seed give another key than in every other Nostr client, and an npub that is none.
#
# Guess: the text says NIP-06 (key from seed words) and NIP-19. So the words are the seed of BIP-32, the key is at m/44'/1237'/0'/0/0,
# and who writes them down can use them in any client that takes words. An npub holds the 32 bytes of x.
# Happens: the key is SHA-256 of the words' entropy, with no path. The public key has 33 bytes, in npub too: one character more than
# an npub has and another beginning. createEvent() writes these 33 bytes as "pubkey", so that the event is not valid for others and
# the package's own verifyEvent() does not take it either. The nsec is right for the package's own key.
# Hurts: users who keep the words as their backup: another client restores an empty identity, without an error. (The words of
# another client give an empty identity here.) And whoever sends to such an npub: clients cannot find anybody.
# Way out: nip06 of nostr-tools. For words that exist already keep the nsec, it holds the key.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts nostr-nsec-seedphrase@0.6.9 nostr-tools@2.19.4 esbuild@0.25.0 >/dev/null
cat >try.ts <<'JS'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import * as seed from "nostr-nsec-seedphrase";
import { getPublicKey, nip19, validateEvent } from "nostr-tools";
import { privateKeyFromSeedWords } from "nostr-tools/nip06";

console.log("nostr-nsec-seedphrase", JSON.parse(readFileSync("node_modules/nostr-nsec-seedphrase/package.json", "utf8")).version);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const main = async () => {
    const words = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";
    assert.ok(seed.validateSeedPhrase(words));
    const pair = seed.seedPhraseToKeyPair(words);
    const theirs = privateKeyFromSeedWords(words);
    console.log("key of the words:", pair.privateKey, "by NIP-06:", hex(theirs));
    assert.notEqual(pair.privateKey, hex(theirs));

    const decoded = nip19.decode(pair.nsec);
    assert.ok(decoded.type === "nsec");
    const key = decoded.data as Uint8Array;
    assert.equal(hex(key), pair.privateKey);
    const [own, right] = [pair.npub, nip19.npubEncode(getPublicKey(key))];
    console.log("npub of one and the same key:", own, `(${own.length} letters) and`, right, `(${right.length} letters)`);
    assert.equal(right.length, 63);
    assert.ok(own.length > 63);
    assert.equal(pair.publicKey.length, 66);
    assert.ok(pair.publicKey.endsWith(getPublicKey(key)));

    const event = await seed.createEvent("hello", 1, pair.privateKey);
    const outcome = await seed.verifyEvent(event as any).catch((error: Error) => `error: ${error.message}`);
    console.log(`an event's pubkey has ${event.pubkey.length} digits; valid for nostr-tools: ${validateEvent(event)}; for the package: ${outcome}`);
    assert.equal(event.pubkey.length, 66);
    assert.equal(validateEvent(event), false);
    assert.notEqual(outcome, true);
    console.log("as described: other keys, other npubs");
    process.exit(0);
};
main();
JS
node_modules/.bin/esbuild try.ts --bundle --platform=node --format=cjs --outfile=try.cjs --log-level=error
node try.cjs
