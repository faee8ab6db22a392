#!/usr/bin/env bash
# ethers-eip712 (npm): a message whose types are used in two places has another hash than in ethers itself.
#
# Guess: an implementation of EIP-712 for ethers.js: the types that a message refers to, directly or not, follow its own type, each one
# once, sorted by name.
# Happens: each type is followed at once by those that it refers to itself. A type that is needed in two places (a Person who buys, and
# one in the item who sells) stands twice; and of Box, which needs a Zone, and Deal the order is Box, Zone, Deal. Both
# texts, and with them the type's hash and the digest that is signed, are others. One level, or a chain of types, is right.
# Hurts: who signs or checks orders of two levels: the wallet shows the message as it is, and contracts and servers say that the
# signature is another's, while signing and checking with the package agree.
# Way out: TypedDataEncoder.hash of ethers, or the package eip-712, which give what the standard says.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts ethers-eip712@0.2.0 ethers@5.7.2 eip-712@1.0.0 >/dev/null
cat >try.cjs <<'JS'
const assert = require("node:assert");
const { readFileSync } = require("node:fs");
const { ethers } = require("ethers");
const { TypedDataUtils } = require("ethers-eip712");
const third = require("eip-712");

console.log("ethers-eip712", JSON.parse(readFileSync("node_modules/ethers-eip712/package.json")).version);
const domain = { name: "shop", version: "1", chainId: 1 };
const field = (name, type) => ({ name, type });
const EIP712Domain = [field("name", "string"), field("version", "string"), field("chainId", "uint256")];
const Person = [field("name", "string")];
const cases = {
    "a chain": [true, { Order: [field("box", "Box")], Box: [field("zone", "Zone")], Zone: [field("n", "uint8")] }, { box: { zone: { n: 1 } } }],
    "a list": [true, { Order: [field("buyers", "Person[]")], Person }, { buyers: [{ name: "A" }, { name: "B" }] }],
    "a type in two places": [false, { Order: [field("item", "Item"), field("buyer", "Person")], Item: [field("seller", "Person")], Person },
        { item: { seller: { name: "A" } }, buyer: { name: "B" } }],
    "two branches": [false, { Order: [field("box", "Box"), field("deal", "Deal")], Box: [field("zone", "Zone")], Zone: [field("n", "uint8")],
        Deal: [field("n", "uint8")] }, { box: { zone: { n: 1 } }, deal: { n: 2 } }],
};
for (const [name, [same, types, message]] of Object.entries(cases)) {
    const typed = { domain, types: { EIP712Domain, ...types }, primaryType: "Order", message };
    const mine = ethers.utils.hexlify(TypedDataUtils.encodeDigest(typed));
    const right = ethers.utils._TypedDataEncoder.hash(domain, types, message);
    console.log(`${name}: ${TypedDataUtils.encodeType(typed.types, "Order")}`);
    console.log(`  ${mine.slice(0, 18)}..., ethers ${right.slice(0, 18)}...`);
    if (!same) console.log(`  ethers: ${ethers.utils._TypedDataEncoder.from(types).encodeType("Order")}`);
    assert.equal(mine === right, same);
    assert.equal(ethers.utils.hexlify(third.getMessage(typed, true)), right);
}
console.log("as described: types are named twice, or in another order");
JS
node try.cjs
