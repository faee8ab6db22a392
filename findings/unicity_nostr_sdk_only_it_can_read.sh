#!/usr/bin/env bash
# @unicitylabs/nostr-js-sdk (npm): what it encrypts "by NIP-04", "NIP-44" and "NIP-17" no other client can read, nor it theirs.
#
# Guess: the package names these three specifications, and says that it does NIP-44 and gift-wrapped messages; so a message to a user of
# another client arrives. Events, ids, signatures and npub are as everywhere, so is the frame: version 2 and base64.
# Happens: NIP-04 takes the x of the shared point as the key, the package its SHA-256 (and may send gzip behind "gz:"). NIP-44 has a nonce
# of 32 bytes, HMAC-SHA256 and a key from HKDF-extract; the package has 24 bytes, Poly1305 and HKDF with both public keys as the
# salt. Another client finds a bad length or padding. Gift wraps (kind 1059) hold that, so nothing of them opens; a read receipt
# is of kind 15 inside, which NIP-17 has for files.
# Hurts: wallets that send requests for payment, tokens and messages to a Nostr key that its owner also uses elsewhere: the relay says
# OK, the sender's own tests pass, the recipient sees noise; and the other way round, messages to the wallet are lost.
# Way out: encrypt with nostr-tools and sign with either of them.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts @unicitylabs/nostr-js-sdk@0.6.0 nostr-tools@2.19.4 >/dev/null
cat >try.mjs <<'JS'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import * as sdk from "@unicitylabs/nostr-js-sdk";
import { getPublicKey, nip04, nip17, nip44, verifyEvent } from "nostr-tools";

console.log("@unicitylabs/nostr-js-sdk", JSON.parse(readFileSync("node_modules/@unicitylabs/nostr-js-sdk/package.json")).version);
const bytes = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));
const [ann, bob] = ["1", "2"].map((digit) => bytes(digit.repeat(64)));
const [annPublic, bobPublic] = [ann, bob].map((key) => getPublicKey(key));
const outcome = async (work) => {
    try {
        return await work();
    } catch (error) {
        return `error: ${error.message}`;
    }
};
const compare = async (name, own, toOthers, fromOthers) => {
    const [first, second, third] = [await outcome(own), await outcome(toOthers), await outcome(fromOthers)];
    console.log(`${name}: own to own: ${first} | own to nostr-tools: ${second} | nostr-tools to own: ${third}`);
    assert.equal(first, "hello");
    assert.notEqual(second, "hello");
    assert.notEqual(third, "hello");
};

await compare("NIP-04",
    async () => sdk.NIP04.decrypt(await sdk.NIP04.encrypt("hello", ann, bytes(bobPublic)), bob, bytes(annPublic)),
    async () => nip04.decrypt(bob, annPublic, await sdk.NIP04.encrypt("hello", ann, bytes(bobPublic))),
    async () => sdk.NIP04.decrypt(await nip04.encrypt(ann, bobPublic, "hello"), bob, bytes(annPublic)));
assert.equal(await nip04.decrypt(bob, annPublic, await nip04.encrypt(ann, bobPublic, "hello")), "hello");

await compare("NIP-44",
    () => sdk.NIP44.decrypt(sdk.NIP44.encrypt("hello", ann, bytes(bobPublic)), bob, bytes(annPublic)),
    () => nip44.decrypt(sdk.NIP44.encrypt("hello", ann, bytes(bobPublic)), nip44.getConversationKey(bob, annPublic)),
    () => sdk.NIP44.decrypt(nip44.encrypt("hello", nip44.getConversationKey(ann, bobPublic)), bob, bytes(annPublic)));
const length = (text) => Buffer.from(text, "base64").length;
const lengths = [sdk.NIP44.encrypt("hello", ann, bytes(bobPublic)), nip44.encrypt("hello", nip44.getConversationKey(ann, bobPublic))];
console.log("both begin by version", lengths.map((text) => Buffer.from(text, "base64")[0]).join(" and "),
    "and have", lengths.map(length).join(" and "), "bytes");
assert.deepEqual(lengths.map(length), [75, 99]);

// Gift wraps: the events are valid, what is in them is not.
const [annKeys, bobKeys] = [ann, bob].map((key) => sdk.NostrKeyManager.fromPrivateKey(key));
const wrap = sdk.createGiftWrap(annKeys, bobPublic, "hello");
assert.ok(verifyEvent(wrap.toJSON()));
await compare("NIP-17",
    () => sdk.unwrap(wrap, bobKeys).content,
    () => nip17.unwrapEvent(wrap.toJSON(), bob).content,
    () => sdk.unwrap(sdk.Event.fromJSON(nip17.wrapEvent(ann, { publicKey: bobPublic }, "hello")), bobKeys).content);
assert.equal(nip17.unwrapEvent(nip17.wrapEvent(ann, { publicKey: bobPublic }, "hello"), bob).content, "hello");
const receipt = sdk.unwrap(sdk.createReadReceipt(annKeys, bobPublic, "0".repeat(64)), bobKeys);
console.log("a read receipt is of kind", receipt.kind);
assert.equal(receipt.kind, 15);
console.log("as described: it can be read by itself only");
JS
node try.mjs
