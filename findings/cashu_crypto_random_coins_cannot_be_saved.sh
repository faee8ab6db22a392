#!/usr/bin/env bash
# @cashu/crypto (npm): coins whose secret the package made itself are lost when they are saved.
#
# Guess: createRandomBlindedMessage() makes a secret, constructProofFromPromise() makes the coin, serializeProof() the form in which it
# is kept and sent, deserializeProof() brings it back. The mint takes the coin as well after that as before.
# Happens: the random secret is 32 bytes of any value; serializeProof() reads them as UTF-8 text. Bytes that are no text become the sign
# for "unreadable", so that another secret is written: no error, and the mint refuses the coin. That any 32 random bytes are
# text happens practically never. Secrets that are text (hex letters, P2PK) are kept well.
# Hurts: wallets made of these functions: the coins work until the program ends; what was saved or sent is worthless, and the money stays
# with the mint.
# Way out: blindMessage(new TextEncoder().encode(hex of 32 random bytes)), as cashu-ts does.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts @cashu/crypto@0.3.4 >/dev/null
cat >try.cjs <<'JS'
const assert = require("node:assert");
const { randomBytes } = require("node:crypto");
const { readFileSync } = require("node:fs");
const client = require("@cashu/crypto/modules/client");
const mint = require("@cashu/crypto/modules/mint");
const { pointFromBytes } = require("@cashu/crypto/modules/common");

console.log("@cashu/crypto", JSON.parse(readFileSync("node_modules/@cashu/crypto/package.json")).version);
const key = Uint8Array.from(Buffer.from("11".repeat(32), "hex"));
const coin = (message) => {
    const promise = mint.createBlindSignature(message.B_, key, 8, "009a1f293253e41e");
    return client.constructProofFromPromise(promise, message.r, message.secret, pointFromBytes(mint.getPubKeyFromPrivKey(key)));
};
const check = (title, message, expected) => {
    const proof = coin(message);
    const saved = JSON.stringify(client.serializeProof(proof));
    const loaded = client.deserializeProof(JSON.parse(saved));
    const accepted = [proof, loaded].map((one) => mint.verifyProof(one, key));
    console.log(`${title}: the mint accepts the coin: ${accepted[0]}, after it was saved: ${accepted[1]};`,
        `${proof.secret.length} bytes of secret, ${loaded.secret.length} saved`);
    assert.deepEqual(accepted, [true, expected]);
};
for (let i = 0; i < 3; i++) check("random secret of the package", client.createRandomBlindedMessage(), false);
check("secret of 64 hex letters", client.blindMessage(new TextEncoder().encode(randomBytes(32).toString("hex"))), true);
console.log("as described: random coins cannot be saved");
JS
node try.cjs
