#!/usr/bin/env bash
# @solana-commerce/solana-pay (npm): of a code for 1 USDC a transfer of 1000 USDC is made, and its own codes ask for a thousandth.
#
# Guess: the package reads and writes the addresses of Solana Pay. There amount=1&spl-token=... is one whole token, whatever the token's
# number of decimals (6 for USDC): createSplTransfer() looks the mint up and sends 1000000 of its smallest units. A link to a shop's
# server is written as solana: and the link, and read again.
# Happens: parseURL() multiplies by 10^9, as for SOL, with a token too, and createSplTransfer() sends that number as it is: 1000000000
# units, 1000 USDC. encodeURL() divides by 10^9: 1 USDC of 1000000 units is written as 0.001, which other wallets pay. For tokens with
# 9 decimals, and for SOL, all is right. A link is written as the bare https address, without solana:, and is never read: three
# kinds of errors for three ways to write it.
# Hurts: payers with other shops' codes; shops whose codes other wallets read. Shop and wallet with this package agree, so tests pass.
# Way out: @solana/pay (its amounts are numbers of whole tokens); shift by mint decimals minus 9 oneself.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts @solana-commerce/solana-pay@0.1.1 @solana/pay@1.0.16 >/dev/null
cat >try.mjs <<'JS'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import * as commerce from "@solana-commerce/solana-pay";
import * as reference from "@solana/pay";

console.log("@solana-commerce/solana-pay", JSON.parse(readFileSync("node_modules/@solana-commerce/solana-pay/package.json")).version);
const recipient = "mvines9iiHiQTysrwkJjGf2gb9Ex9jXJX8ns3qwf2kN";
const splToken = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v";

// A node that knows a token with so many decimals.
const node = (decimals) => {
    const mint = Buffer.alloc(82);
    mint[44] = decimals;
    mint[45] = 1;
    const value = { owner: "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA", data: [mint.toString("base64"), "base64"], executable: false,
        lamports: 1n, rentEpoch: 0n, space: 82n };
    return { getAccountInfo: () => ({ send: async () => ({ value }) }) };
};
const sent = async (code, decimals) => {
    const fields = commerce.parseURL(code);
    const instructions = await commerce.createSplTransfer(node(decimals), "11111111111111111111111111111112", fields);
    const data = Buffer.from(instructions.at(-1).data);
    assert.deepEqual([data[0], data[9]], [12, decimals]);
    return Number(data.readBigUInt64LE(1)) / 10 ** decimals;
};
const code = String(reference.encodeURL({ recipient, amount: 1, splToken }));
assert.match(code, /\?amount=1&spl-token=/);
const [right, wrong] = [await sent(code, 9), await sent(code, 6)];
console.log("a code for 1 token, sent are: with 9 decimals", right, "with 6 decimals", wrong);
assert.deepEqual([right, wrong], [1, 1000]);

const own = commerce.encodeURL({ recipient, amount: 1000000n, splToken });
const read = reference.parseURL(own).amount;
console.log("own code for 1000000 units, which are 1 USDC: amount =", own.searchParams.get("amount"), "read by @solana/pay:", read);
assert.equal(read, 0.001);

const outcome = (url) => {
    try {
        return commerce.parseURL(url).link.href;
    } catch (error) {
        return error.message;
    }
};
const shop = "https:" + "//shop.example/pay";
const [plain, query] = ["", "?order=1"].map((end) => reference.encodeURL({ link: new URL(shop + end) }));
const bare = commerce.encodeURL({ link: new URL(shop) });
console.log("links:", [plain, query, bare].map((url) => `${url} is ${outcome(url)}`).join("; "));
assert.equal(plain.protocol, "solana:");
assert.equal(String(bare), shop);
assert.deepEqual([plain, query, bare].map(outcome), ["link invalid", "recipient invalid", "protocol invalid"]);
console.log("as described: a thousand for one");
process.exit(0);
JS
node try.mjs
