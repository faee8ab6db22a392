#!/usr/bin/env bash
# ethereum-input-data-decoder (npm): a constructor's argument is read from the contract's code, unless there are just four.
#
# Guess: decodeConstructor(data) reads the arguments, which stand at the end of a contract's creation data; decodeData(data) reads a
# call, and says method null if the ABI has no such method.
# Happens: the last 128 bytes, four words, are taken whatever the constructor's types are. One number is read from 96 bytes before its
# place, which is code: a number of 77 digits, without an error. Only four words in all are right; five, or a text, raise. A call
# of an unknown method with four words is answered with the constructor's names and its first argument. And an address after
# a list of lists, bytes32[2][2], makes the first twelve bytes of a later entry zero.
# Hurts: explorers and auditors: wrong supplies, owners and limits of contracts, calls of one method that look like another's, and
# hashes that match nothing.
# Way out: Interface.decodeFunctionData of ethers; defaultAbiCoder.decode on what follows the known creation code.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts ethereum-input-data-decoder@0.4.2 ethers@5.8.0 >/dev/null
cat >try.cjs <<'JS'
const assert = require("node:assert");
const { readFileSync } = require("node:fs");
const { ethers } = require("ethers");
const InputDataDecoder = require("ethereum-input-data-decoder");

console.log("ethereum-input-data-decoder", JSON.parse(readFileSync("node_modules/ethereum-input-data-decoder/package.json")).version);
const code = "60806040526004361061".padEnd(600, "5b60206103e8"); // stands for a contract's creation code
const inputs = (types) => types.map((type, n) => ({ type, name: `a${n}` }));
const results = {};
for (const types of [["uint256"], ["uint256", "uint256", "uint256", "uint256"], Array(5).fill("uint256"), ["string"]]) {
    const values = types.map((type, n) => (type === "string" ? "Tea" : n + 1));
    const data = "0x" + code + ethers.utils.defaultAbiCoder.encode(types, values).slice(2);
    const decoder = new InputDataDecoder([{ type: "constructor", inputs: inputs(types) }]);
    try {
        results[types] = decoder.decodeConstructor(data).inputs.map(String).join();
    } catch (error) {
        results[types] = "raised";
    }
    console.log(`constructor(${types}) of ${values}: ${results[types]}`);
}
assert.match(results.uint256, /^[1-9][0-9]{60,77}$/);
assert.equal(results["uint256,uint256,uint256,uint256"], "1,2,3,4");
assert.equal(results.string, "raised");
assert.equal(results["uint256,uint256,uint256,uint256,uint256"], "raised");

const known = [{ type: "function", name: "store", inputs: [{ type: "bytes32[2][2]", name: "hashes" }, { type: "address", name: "owner" }] },
    { type: "constructor", inputs: [{ type: "uint256", name: "supply" }] }];
const calls = new ethers.utils.Interface(["function store(bytes32[2][2] hashes, address owner)", "function other(uint256,uint256,uint256,uint256)"]);
const decoder = new InputDataDecoder(known);
const unknown = decoder.decodeData(calls.encodeFunctionData("other", [7, 8, 9, 10]));
console.log("an unknown method's call:", { ...unknown, inputs: unknown.inputs.map(String) });
assert.deepEqual({ ...unknown, inputs: unknown.inputs.map(String) }, { method: null, types: ["uint256"], inputs: ["7"], names: ["supply"] });

const hash = (digits) => "0x" + digits.repeat(32);
const given = [[hash("a1"), hash("a2")], [hash("a3"), hash("a4")]];
const got = decoder.decodeData(calls.encodeFunctionData("store", [given, "0x" + "11".repeat(20)])).inputs[0];
console.log("hashes:", got);
assert.deepEqual(got, [given[0], ["0x" + "00".repeat(12) + "a3".repeat(20), given[1][1]]]);
console.log("as described: four words, and zeros");
JS
node try.cjs
