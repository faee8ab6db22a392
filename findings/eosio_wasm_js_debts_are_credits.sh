#!/usr/bin/env bash
# eosio-wasm-js (npm): an asset of -1.0000 EOS is written as 1.0000 EOS.
#
# Guess: the package turns values of EOSIO's types into the bytes of a transaction. An asset holds a signed number of 64 bits, and int
# takes negative numbers here too.
# Happens: all that is no digit is dropped from the amount, the sign with it, and what remains is written as a positive number: no
# error. The smallest amount, -461168601842738.7903, is like that too. extended_asset is made of it. Names, symbols, times,
# varints and positive assets are as other libraries write them.
# Hurts: contracts that take differences: corrections, refunds and positions of traders ("adjust balance by -1.0000 EOS"): the other
# side of the book is signed and sent. Transfers are never negative, so tests with transfers see nothing.
# Way out: Asset of @wharfkit/antelope.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts eosio-wasm-js@5.0.2 @wharfkit/antelope@1.2.0 >/dev/null
cat >try.mjs <<'JS'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import antelope from "@wharfkit/antelope";
import serialize from "eosio-wasm-js/serialize.js";

console.log("eosio-wasm-js", JSON.parse(readFileSync("node_modules/eosio-wasm-js/package.json")).version);
const other = (type, object) => antelope.Serializer.encode({ type, object }).hexString;
for (const text of ["1.0000 EOS", "100 WAX", "0.00000001 WAX"]) assert.equal(serialize.asset(text), other("asset", text));
assert.equal(serialize.int64(-5), other("int64", -5));
for (const text of ["-1.0000 EOS", "-0.0001 EOS", "-100 WAX", "-461168601842738.7903 EOS"]) {
    const got = serialize.asset(text);
    const read = String(antelope.Serializer.decode({ data: got, type: "asset" }));
    console.log(`${text}: ${got} instead of ${other("asset", text)}, which is ${read}`);
    assert.equal(read, text.slice(1));
    assert.equal(got, serialize.asset(text.slice(1)));
    assert.notEqual(got, other("asset", text));
}
const extended = serialize.extended_asset("-1.0000 EOS@eosio.token");
assert.equal(extended, serialize.extended_asset("1.0000 EOS@eosio.token"));
console.log("as described: the sign is dropped");
JS
node try.mjs
