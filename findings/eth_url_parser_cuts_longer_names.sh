#!/usr/bin/env bash
# eth-url-parser (npm): of a name with three parts it reads two, and forgets the chain and the function behind them.
#
# Guess: parse() reads payment requests by ERC-681, with an address or an ENS name: ethereum:pay-shop.alice.eth@137?value=1e18. It
# gives the name, the chain and the value in wei as digits, as its page shows.
# Happens: a name is taken for three or more characters, a point, and letters. Of shop.alice.eth, shop.alice is read, and since
# the rest does not fit, the chain 137 and a function such as transfer behind it are left out without an error: the request is
# one for the main chain, and for ether instead of a token. A name of two characters keeps the "pay-" before it. And from 1,000
# ether on the value has an exponent ("1e+21"), which BigInt() and most libraries refuse.
# Hurts: wallets that read such codes: names under a name are what shops and exchanges hand out to their customers. build() writes
# all of these rightly, so that a code of one's own is not read back.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund eth-url-parser@1.0.4 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const { build, parse } = require("eth-url-parser");
console.log("eth-url-parser", require("eth-url-parser/package.json").version);

const token = { address: "0x1234DEADBEEF5678ABCD1234DEADBEEF5678ABCD", uint256: "5000000" };
for (const [name, chain, function_name, parameters, read] of [
  ["alice.eth", "137", undefined, undefined, { target_address: "alice.eth", chain_id: "137" }],
  ["shop.alice.eth", "137", undefined, undefined, { target_address: "shop.alice" }],
  ["alice.eth", "137", "transfer", token, { target_address: "alice.eth", chain_id: "137", function_name: "transfer" }],
  ["usd.alice.eth", "137", "transfer", token, { target_address: "usd.alice" }],
  ["big.shop.alice.eth", undefined, undefined, undefined, { target_address: "big.shop" }],
  ["shop.example.com", undefined, undefined, undefined, { target_address: "shop.example" }],
  ["ab.eth", undefined, undefined, undefined, { target_address: "pay-ab.eth" }],
]) {
  const link = build({ prefix: "pay", target_address: name, chain_id: chain, function_name, parameters });
  const { scheme, prefix, parameters: asked, ...rest } = parse(link);
  console.log(link, "->", rest);
  assert.ok(link.startsWith(`ethereum:pay-${name}${chain ? `@${chain}` : ""}${function_name ? `/${function_name}` : ""}`));
  assert.deepEqual(rest, read);
}

const address = "0x1234DEADBEEF5678ABCD1234DEADBEEF5678ABCD";
for (const [given, read] of [
  ["999e18", "999000000000000000000"], ["1000e18", "1e+21"], ["1234567890123456789012", "1.234567890123456789012e+21"],
]) {
  const { value } = parse(`ethereum:${address}?value=${given}`).parameters;
  console.log(`value=${given} -> ${value}`);
  assert.equal(value, read);
  if (value.includes("e")) assert.throws(() => BigInt(value), SyntaxError);
}
console.log("as described: names are cut");
JS
node finding.js
