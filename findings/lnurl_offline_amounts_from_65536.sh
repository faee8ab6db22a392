#!/usr/bin/env bash
# lnurl-offline (npm): an amount of 65,536 or more, encrypted by it, cannot be decrypted by it.
#
# Guess: xor.encrypt(key, { pin, amount }) makes the payload of a till without network (LNPoS and others), xor.decrypt() reads it. Amounts are
# whole numbers, written as Bitcoin's compact sizes: 1, 3, 5 or 9 bytes.
# Happens: numbers from 2^16 on are taken for such as need nine bytes, since JavaScript shifts by 32 bits as by none. Of the eight bytes, the
# last four repeat the first four for the same reason. decrypt() cannot read eight bytes at all and raises RangeError; a reader that
# can gets four billion times the amount. What a device writes in five bytes is read well.
# Hurts: who makes or tests such links with the package: 655.36 euros in cents, or 65,536 satoshi, some tens of dollars, are the end. The
# error comes at the server, when the customer stands at the till; below it everything works.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts lnurl-offline@1.2.0 >/dev/null
cat >try.cjs <<'JS'
const assert = require("node:assert");
const { createHmac } = require("node:crypto");
const { xor } = require("lnurl-offline");
console.log("lnurl-offline", require("lnurl-offline/package.json").version);

const key = Buffer.from("super-secret-key");
const nonce = Buffer.from("0102030405060708", "hex");
const hmac = (...parts) => createHmac("sha256", key).update(Buffer.concat(parts.map((part) => Buffer.from(part)))).digest();
const mask = (data) => data.map((byte, n) => byte ^ hmac("Round secret:", nonce)[n]);
/** The bytes of PIN and amount as they stand in the payload. */
const plain = (payload) => mask(payload.subarray(11, 11 + payload[10])).toString("hex");

for (const amount of [21, 252, 253, 1000, 65535]) {
    const payload = xor.encrypt(key, { pin: 1234, amount }, { nonce });
    assert.deepEqual(xor.decrypt(key, payload), { pin: 1234, amount });
}
console.log("amounts up to 65535 come back");
for (const amount of [65536, 100000, 2100000]) {
    const payload = xor.encrypt(key, { pin: 1234, amount }, { nonce });
    const bytes = plain(payload);
    const written = Buffer.from(bytes, "hex").readBigUInt64LE(4);
    console.log(`${amount} is written as ${bytes.slice(6)}, which is ${written}`);
    assert.equal(bytes.slice(0, 8), "fdd204ff");
    assert.equal(written, BigInt(amount) * (2n ** 32n + 1n));
    assert.throws(() => xor.decrypt(key, payload), RangeError);
}
const body = Buffer.from("fdd204fea0860100", "hex");
const head = Buffer.concat([Buffer.from([1, 8]), nonce, Buffer.from([body.length]), mask(body)]);
const device = Buffer.concat([head, hmac("Data:", head).subarray(0, 8)]);
console.log("a device's 100000 in five bytes is read as", xor.decrypt(key, device).amount);
assert.deepEqual(xor.decrypt(key, device), { pin: 1234, amount: 100000 });
console.log("as described: decrypt() refuses what encrypt() wrote");
JS
node try.cjs
