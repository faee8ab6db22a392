#!/usr/bin/env bash
# bitcoin-regex (npm): of every third taproot address it takes a piece out and calls that an address.
#
# Guess: a "regular expression for matching Bitcoin addresses" finds addresses in a text: those in base 58, and those in bech32 (bc1...)
# as well, or not at all, if it is older than they are.
# Happens: it looks for a 1 or a 3 with 25 to 34 letters of base 58 behind it, anywhere. In bc1... there is such a place if the letters after
# the 1 (or after a 3 further on) have no 0 and no l for so long. What it finds is no address, and not in the text as one. With exact: true it
# refuses all segwit addresses. (Checksums are not looked at; that is said.)
# Hurts: whoever marks, counts or replaces addresses in texts, or links them to an explorer: the link leads nowhere, what is replaced
# leaves the rest of the address behind; the other such addresses are just not seen.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts bitcoin-regex@2.0.0 @scure/base@1.1.9 >/dev/null
cat >try.cjs <<'JS'
const assert = require("node:assert");
const { createHash } = require("node:crypto");
const { bech32m, base58check } = require("@scure/base");
const bitcoinRegex = require("bitcoin-regex");
console.log("bitcoin-regex", require("bitcoin-regex/package.json").version);

const sha256 = (data) => createHash("sha256").update(data).digest();
const base58 = base58check(sha256);
const isAddress = (text) => {
    try {
        return base58.decode(text).length === 21;
    } catch {
        return false;
    }
};
const find = (text) => text.match(bitcoinRegex()) ?? [];
assert.deepEqual(find("to 1BoatSLRHtKNngkdXEeobR76b53LETtpyT."), ["1BoatSLRHtKNngkdXEeobR76b53LETtpyT"]);

let pieces = 0;
for (let n = 0; n < 1000; n++) {
    const key = sha256(`key ${n}`);
    const address = bech32m.encode("bc", [1, ...bech32m.toWords(key)]);
    assert.ok(!bitcoinRegex({ exact: true }).test(address));
    const found = find(`to ${address}.`);
    if (found.length && pieces++ < 3) console.log(address, "has", found[0]);
    for (const piece of found) assert.ok(address.includes(piece) && piece !== address && !isAddress(piece));
}
console.log(`of 1000 taproot addresses ${pieces} have a piece that is taken for an address, none is found whole`);
assert.ok(pieces > 100 && pieces < 900);
console.log("as described: pieces of segwit addresses are found");
JS
node try.cjs
