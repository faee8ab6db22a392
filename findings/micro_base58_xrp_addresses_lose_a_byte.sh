#!/usr/bin/env bash
# micro-base58 (npm): decoded with its alphabet "xrp", each XRP address is one byte short; 32 zero bytes come back as 33.
#
# Guess: encode() and decode() are each other's inverse with each of the "included alphabets": btc, xrp, xmr and flickr. In all of
# base58 the first letter of the alphabet stands for a zero byte where it begins the text: 1 for Bitcoin, r for XRP.
# Happens: decode() looks for "1" whatever the alphabet. XRP addresses begin with r, for the zero byte of their version, and that
# byte is missing. If all bytes are zero there is one too many: the 32 ones of Solana's system program, and of an empty hash,
# are 33 bytes. With "xmr" only encode() knows that Monero's blocks of 8 bytes are written each on its own; decode()
# reads an address as one number, and gives other bytes. An address of Bitcoin is right. The successor micro-base is right.
# (The package is deprecated in favour of that, which says nothing of wrong results; it is still installed.)
# Hurts: checks of XRP addresses: the four bytes at the end are a checksum of the wrong ones, so that each valid address is
# refused; tables by key, in which the decoded form is compared with one from elsewhere.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund micro-base58@0.5.1 micro-base@0.10.2 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const { createHash } = require("crypto");
const { decode, encode } = require("micro-base58");
const successor = require("micro-base");
for (const name of ["micro-base58", "micro-base"]) console.log(name, require(`${name}/package.json`).version);

const hex = bytes => Buffer.from(bytes).toString("hex");
const twice = bytes => createHash("sha256").update(createHash("sha256").update(bytes).digest()).digest();
const valid = bytes => hex(twice(bytes.slice(0, -4)).subarray(0, 4)) === hex(bytes.slice(-4));

for (const [name, alphabet, address, lost] of [
  ["the first block's address", "btc", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", 0],
  ["XRP's first account", "xrp", "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh", 1],
  ["XRP's address one", "xrp", "rrrrrrrrrrrrrrrrrrrrBZbvji", 20],
]) {
  const [bytes, right] = [decode(address, alphabet), successor[alphabet === "xrp" ? "base58xrp" : "base58"].decode(address)];
  console.log(`${name}: ${bytes.length} bytes of ${right.length}, checksum right: ${valid(bytes)}`);
  assert.equal(hex(encode(right, alphabet)), hex(address));
  assert.ok(valid(right) && right.length === 25);
  assert.equal(bytes.length, 25 - lost);
  assert.equal(valid(bytes), lost === 0);
}

for (const size of [1, 20, 32]) {
  const text = encode(new Uint8Array(size));
  console.log(`${size} zero bytes: ${text}, decoded ${decode(text).length} bytes`);
  assert.equal(text, "1".repeat(size));
  assert.equal(successor.base58.decode(text).length, size);
  assert.equal(decode(text).length, size + 1);
}

let other = 0;
for (let number = 0; number < 100; number++) {
  const part = text => createHash("sha256").update(`${text} ${number}`).digest();
  const bytes = new Uint8Array([18, ...part("spend"), ...part("view"), ...part("sum").subarray(0, 4)]);
  const text = encode(bytes, "xmr");
  assert.equal(text, successor.base58xmr.encode(bytes));
  assert.equal(hex(successor.base58xmr.decode(text)), hex(bytes));
  other += hex(decode(text, "xmr")) !== hex(bytes);
}
console.log(`${other} of 100 texts of the form of Monero's addresses are decoded to other bytes`);
assert.equal(other, 100);
console.log("as described: what was encoded does not come back");
JS
node finding.js
