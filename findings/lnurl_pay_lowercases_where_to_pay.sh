#!/usr/bin/env bash
# lnurl-pay (npm): the path of an lnurlp:// link is asked for in small letters, which is another recipient or none.
#
# Guess: lnurlp names the same place as https, and only the scheme is to be replaced (LUD-17). Paths tell great letters from small
# ones, and the identifiers of payment links often have both.
# Happens: the whole link is lowercased before the scheme is replaced, query and all: lnurlp://pay.example/p/Xk7Qm becomes /p/xk7qm. A
# link in bech32 (lnurl1...) with the same address keeps it. Paths with "~", ":", "@", "+" or "," are no link at all.
# Hurts: wallets: a service answers "not found", or with what the small letters name, and then the money goes to that one's owner:
# the invoice is valid, and validateInvoice compares it with the data of the same wrong answer.
# Way out: replace the scheme oneself, and encode the address in bech32; other libraries read both alike.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts lnurl-pay@5.0.2 bech32@2.0.0 >/dev/null
cat >try.cjs <<'JS'
const assert = require("node:assert");
const { readFileSync } = require("node:fs");
const { bech32 } = require("bech32");
const { utils, requestPayServiceParams } = require("lnurl-pay");

console.log("lnurl-pay", JSON.parse(readFileSync("node_modules/lnurl-pay/package.json")).version);
const scheme = "https:" + "//"; // in two parts, for this script holds no address
const place = "pay.example/p/Xk7QmWb?Token=aB9";
const words = bech32.toWords(Buffer.from(scheme + place));
const fromLink = utils.decodeUrlOrAddress("lnurlp://" + place);
const fromBech32 = utils.decodeUrlOrAddress(bech32.encode("lnurl", words, 2000));
console.log("from lnurlp://", fromLink, "\nfrom bech32   ", fromBech32);
assert.equal(fromBech32, scheme + place);
assert.equal(fromLink, scheme + place.toLowerCase());

// A service of two users, whose links differ in case.
const users = { "/p/Xk7QmWb": "Alice", "/p/xk7qmwb": "Bob" };
const asked = async ({ url }) => ({
    tag: "payRequest", callback: scheme + "pay.example/invoice", minSendable: 1000, maxSendable: 100000,
    metadata: JSON.stringify([["text/plain", `to ${users[new URL(url).pathname]}`]]),
});
(async () => {
    const params = await requestPayServiceParams({ lnUrlOrAddress: "lnurlp://pay.example/p/Xk7QmWb", fetchGet: asked });
    console.log("Alice's link leads", params.description);
    assert.equal(params.description, "to Bob");
    const unread = ["~alice", "a:1", "a+b", "a,b"].filter((path) => utils.decodeUrlOrAddress("lnurlp://pay.example/" + path) === null);
    console.log("no links:", unread);
    assert.equal(unread.length, 4);
    console.log("as described: small letters only");
})();
JS
node try.cjs
