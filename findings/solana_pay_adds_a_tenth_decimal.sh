#!/usr/bin/env bash
# @solana/pay 1 (npm): the address of a payment of 1234567.891 asks for 1234567.8910000001, which wallets have to refuse.
#
# Guess: encodeURL({ recipient, amount }) writes the amount as it is given, parseURL() reads the amount as it is written. The
# specification of Solana Pay has decimal numbers of any length, and says that a wallet refuses an amount with more decimals
# than the coin has (9 for SOL, 6 for USDC).
# Happens: since version 1 amounts are floats. They are written with 10 decimals, so that the rest of the binary fraction shows in
# amounts of a million and more: 2500000.7 is 2500000.7000000002, 99999999.99 is 99999999.9899999946. What is smaller than a
# tenth decimal becomes "0", which is no amount to pay. And what is read has about 16 digits: 123456789.123456789 is read as
# ...12345679, and written again as ...123456791: another amount, for whoever compares or passes the address on.
# Hurts: shops and exchanges that make large invoices: the payer's wallet calls the code malformed. With small amounts all is well.
# Way out: write the amount into the address by oneself, as text; version 0.2 has exact numbers.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts @solana/pay@1.0.16 >/dev/null
cat >try.mjs <<'JS'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { encodeURL, parseURL } from "@solana/pay";

console.log("@solana/pay", JSON.parse(readFileSync("node_modules/@solana/pay/package.json")).version);
const recipient = "mvines9iiHiQTysrwkJjGf2gb9Ex9jXJX8ns3qwf2kN";
const written = (amount) => encodeURL({ recipient, amount }).searchParams.get("amount");
const decimals = (text) => (text.split(".")[1] ?? "").length;

for (const amount of [1, 0.01, 19.99, 1000.5, 0.000000001]) assert.equal(Number(written(amount)), amount);
console.log("small amounts are written well, such as", written(19.99));
for (const [amount, expected] of [
    [1234567.891, "1234567.8910000001"], [2500000.7, "2500000.7000000002"], [99999999.99, "99999999.9899999946"],
]) {
    const text = written(amount);
    console.log(`${amount} is written as ${text}: ${decimals(text)} decimals instead of ${decimals(String(amount))}`);
    assert.equal(text, expected);
    assert.ok(decimals(text) > 9 && decimals(String(amount)) <= 3);
}
console.log(`0.00000000001 is written as ${written(1e-11)}`);
assert.equal(written(1e-11), "0");

for (const [text, again] of [["123456789.123456789", "123456789.123456791"], ["90071992547.40993", "90071992547.4099273682"]]) {
    const read = parseURL(`solana:${recipient}?amount=${text}`).amount;
    console.log(`${text} is read as ${read} and written again as ${written(read)}`);
    assert.equal(written(read), again);
}
console.log("as described: decimals that nobody gave");
process.exit(0);
JS
node try.mjs
