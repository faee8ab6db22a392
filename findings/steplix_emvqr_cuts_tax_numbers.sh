#!/usr/bin/env bash
# steplix-emvqr (npm): of a payment code to a company with the tax number 0105556001234 it reads 55600.
#
# Guess: decode() reads payment codes of EMVCo: fields are two digits of name, two of length, and the value, and some hold such fields
# themselves: 29, the account, among them. What stands in the fields of an account is a number or name of the network.
# Happens: such a number is read as fields once more, if it looks like one: the fields within an account are called 01, 02, ... like those
# outside, and 02 to 51 outside are accounts. PromptPay, Thailand's network, puts a tax number into field 02 of 29. Most numbers
# do not look like fields and are right; those of companies in Bangkok begin with 0105, "field 01 of five digits": the five
# that follow are kept, and the rest is gone. Of 3101200123453, a person's, "field 31 of one digit", a 2 is left. No error is raised.
# Hurts: tills, scanners and bookkeeping that show or pay what they read: the payee's number is another one, for one part of the
# payees only.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts steplix-emvqr@0.2.3 >/dev/null
cat >try.cjs <<'JS'
const assert = require("node:assert");
const emvqr = require("steplix-emvqr");
console.log("steplix-emvqr", require("steplix-emvqr/package.json").version);

const field = (id, value) => id + String(value.length).padStart(2, "0") + value;
const crc16 = (text) => {
    let crc = 0xffff;
    for (const byte of Buffer.from(text)) {
        crc ^= byte << 8;
        for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
    }
    return crc.toString(16).toUpperCase().padStart(4, "0");
};
assert.equal(crc16("123456789"), "29B1");
const code = (taxNumber) => {
    const account = field("00", "A000000677010111") + field("02", taxNumber);
    const text = field("00", "01") + field("01", "12") + field("29", account) + field("53", "764") + field("54", "250.00") + field("58", "TH") + "6304";
    return text + crc16(text);
};
const read = (taxNumber) => {
    const account = emvqr.decode(code(taxNumber), true)["29"]["02"];
    console.log(taxNumber, "is read as", JSON.stringify(account));
    return account;
};
assert.equal(read("1234567890121"), "1234567890121");
assert.equal(read("5550100012344"), "5550100012344");
assert.deepEqual(read("3101200123453"), { 31: "2" });
assert.deepEqual(read("0105556001234"), { "01": "55600" });
assert.deepEqual(read("0105562123451"), { "01": "56212" });
assert.deepEqual(read("0109876543218"), { "01": "876543218" });
console.log("as described: numbers that look like fields are cut");
JS
node try.cjs
