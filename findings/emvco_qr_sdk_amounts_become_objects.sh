#!/usr/bin/env bash
# emvco-qr-sdk (npm): of a merchant payment code for 5.00, the amount is the object { "5.": "" }.
#
# Guess: the amount, the merchant's category and other plain fields come back as text; only the fields that the EMV standard calls
# templates (the accounts, 62, 64, 80 on) are taken apart into their sub-fields.
# Happens: whatever can be read as "two characters, two digits of length, a value" is taken apart, at any place. "5.00" is a field named
# "5." of length 0, "1000" one named "10", "3003.00" one named "30" with the value ".00". The nine whole amounts from 1.00 to
# 9.00 are objects, and so are 90 amounts from 1003.00 on, and 990 of the whole numbers below 100,000. The category "0000", which
# Brazilian codes (Pix) have for payees without one, is always { "00": "" }.
# Hurts: wallets and tills: Number() of the amount is NaN, toFixed() is missing, a form says "[object Object]", for some prices. Codes in
# tests, with an odd sum, read well.
# Way out: the value of the TLV in `tlvs` (it stays text), or recursiveParsing: false and a second pass over the templates.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts emvco-qr-sdk@1.0.0 >/dev/null
cat >try.cjs <<'JS'
const assert = require("node:assert");
const { parseFullQR, parseQR, QRParseMode } = require("emvco-qr-sdk");
console.log("emvco-qr-sdk", require("emvco-qr-sdk/package.json").version);

const field = (id, value) => id + String(value.length).padStart(2, "0") + value;
/** CRC-16/CCITT-FALSE, as the standard asks for. */
const checksum = (text) => {
    let crc = 0xffff;
    for (const byte of Buffer.from(text)) {
        crc ^= byte << 8;
        for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
    }
    return crc.toString(16).toUpperCase().padStart(4, "0");
};
const account = field("00", "BR.GOV.BCB.PIX") + field("01", "shop@example.com");
const code = (category, amount) => {
    const text = field("00", "01") + field("26", account) + field("52", category) + field("53", "986") + field("54", amount)
        + field("58", "BR") + field("59", "LOJA") + field("60", "RIO") + field("62", field("05", "A1")) + "6304";
    return text + checksum(text);
};
const read = (category, amount, more) => parseFullQR(code(category, amount), { parseMode: QRParseMode.GLOBAL, ...more });

for (const [amount, seen] of [["5.50", "5.50"], ["5.00", { "5.": "" }], ["1000", { 10: "" }], ["3003.00", { 30: ".00" }]]) {
    const { named, crc, tlvs } = read("5411", amount);
    console.log(`amount ${amount}:`, JSON.stringify(named.transactionAmount), "| checksum right:", crc.isValid);
    assert.deepEqual(named.transactionAmount, seen);
    assert.ok(crc.isValid);
    assert.equal(tlvs.find(({ tag }) => tag === "54").value, amount);
}
const objects = (amounts) => amounts.filter((amount) =>
    typeof parseQR(field("54", amount), { parseMode: QRParseMode.GLOBAL }).transactionAmount !== "string");
const prices = objects(Array.from({ length: 9999 }, (_, n) => `${n + 1}.00`));
const numbers = objects(Array.from({ length: 99999 }, (_, n) => `${n + 1}`));
console.log(`objects: of 9999 whole prices "1.00" to "9999.00" ${prices.length}, of 99999 whole numbers ${numbers.length}`);
assert.equal(prices.length, 99);
assert.deepEqual(prices.slice(0, 10), ["1.00", "2.00", "3.00", "4.00", "5.00", "6.00", "7.00", "8.00", "9.00", "1003.00"]);
assert.equal(numbers.length, 990);
const { named } = read("0000", "5.50");
console.log("category 0000:", JSON.stringify(named.merchantCategoryCode), "| a name:", named.merchantName);
assert.deepEqual(named.merchantCategoryCode, { "00": "" });
assert.equal(read("0000", "5.00", { recursiveParsing: false }).named.transactionAmount, "5.00");
console.log("as described: plain values that look like fields are taken apart");
JS
node try.cjs
