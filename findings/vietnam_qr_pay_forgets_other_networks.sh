#!/usr/bin/env bash
# vietnam-qr-pay (npm): a shop's code with a new amount pays by one network only, and without its additional text.
#
# Guess: a code is read, the amount is set, build() writes it again: "new QRPay(content); qrPay.amount = ...; qrPay.build()", as the page
# shows for wallets. What was in the code and was not changed is in the new one.
# Happens: accounts other than the one of VietQR or VNPay are dropped: a code that can be paid by a card network (tags 02 to 25) or by
# another one of 27 to 51 as well can be paid by one only. So are the shop's name in another language (64) and the parts of the
# additional data that it does not know (10 and up, 50 to 99). isValid is true, and the checksum is right.
# Hurts: tills that print the amount into the shop's own code: customers of the other networks, tourists above all, cannot pay any more.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts vietnam-qr-pay@1.5.1 >/dev/null
cat >try.cjs <<'JS'
const assert = require("node:assert");
const { readFileSync } = require("node:fs");
const { QRPay } = require("vietnam-qr-pay");
console.log("vietnam-qr-pay", JSON.parse(readFileSync("node_modules/vietnam-qr-pay/package.json")).version);

const field = (id, value) => id + String(value.length).padStart(2, "0") + value;
const fields = (text) => {
    const found = {};
    for (let at = 0; at < text.length; at += 4 + found[text.slice(at, at + 2)].length) {
        found[text.slice(at, at + 2)] = text.slice(at + 4, at + 4 + Number(text.slice(at + 2, at + 4)));
    }
    return found;
};
const consumer = field("00", "970415") + field("01", "113366668888");
const body = [
    field("00", "01"),
    field("01", "11"),
    field("04", "5412345678901234"),
    field("15", "31250970415000000000000000000001"),
    field("38", field("00", "A000000727") + field("01", consumer) + field("02", "QRIBFTTA")),
    field("52", "5812"),
    field("53", "704"),
    field("58", "VN"),
    field("59", "PHO 24"),
    field("60", "HANOI"),
    field("62", field("07", "TILL1") + field("11", "0123456789")),
    field("64", field("00", "EN") + field("01", "PHO 24 RESTAURANT")),
].join("") + "6304";
const code = body + QRPay.genCRCCode(body);

const pay = new QRPay(code);
assert.ok(pay.isValid);
pay.amount = "50000";
const [before, after] = [fields(code), fields(pay.build())];
assert.ok(new QRPay(pay.build()).isValid);
const lost = Object.keys(before).filter((id) => !(id in after));
console.log("fields of the shop's code:", Object.keys(before).join(" "));
console.log("with an amount:           ", Object.keys(after).join(" "), "additional data:", after["62"], "before:", before["62"]);
assert.deepEqual(lost.sort(), ["04", "15", "64"]);
assert.equal(after["62"], field("07", "TILL1"));
assert.equal(after["54"], "50000");
console.log("as described: what it does not know is lost");
JS
node try.cjs
