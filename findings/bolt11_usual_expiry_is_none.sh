#!/usr/bin/env bash
# bolt11 and light-bolt11-decoder (npm): an invoice that ends after an hour, as usual, ends never.
#
# Guess: timeExpireDate of bolt11's decode() is the time at which the invoice ends, and expiry of light-bolt11-decoder, which comes from
# it, the same or the lifetime, a number by its types. An invoice without the field lasts 3,600 seconds (BOLT 11), as both
# sources say beside the name of the field.
# Happens: without the field both are undefined, so that `timeExpireDate < now` and `timestamp + expiry < now` are false for ever. With
# it, the first is the end, the second the lifetime in seconds. (A getter of the second that would give the end is replaced.)
# Hurts: wallets and bots that hide or refuse what has ended: old invoices stay payable in their lists, and the payment fails at the
# payee, after the route was tried. Invoices with another lifetime than the usual one, as many services make them, are right.
# Way out: timestamp + (expiry ?? 3600), or invoices, which knows the hour.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts light-bolt11-decoder@3.2.0 bolt11@1.4.1 invoices@3.0.0 >/dev/null
cat >try.cjs <<'JS'
const assert = require("node:assert");
const bolt11 = require("bolt11");
const { parsePaymentRequest } = require("invoices");
const light = require("light-bolt11-decoder");
console.log("light-bolt11-decoder", require("light-bolt11-decoder/package.json").version);

const invoice = (tags) => {
    const made = bolt11.encode({
        satoshis: 21,
        timestamp: 1500000000,
        tags: [
            { tagName: "payment_hash", data: "00".repeat(31) + "01" },
            { tagName: "payment_secret", data: "11".repeat(32) },
            { tagName: "description", data: "coffee" },
            { tagName: "feature_bits", data: { payment_secret: { required: true }, var_onion_optin: { required: true } } },
            ...tags,
        ],
    }, false);
    return bolt11.sign(made, "e1".repeat(32)).paymentRequest;
};
const show = (name, text) => {
    const { expiry } = light.decode(text);
    const { timeExpireDate } = bolt11.decode(text);
    const other = Date.parse(parsePaymentRequest({ request: text }).expires_at) / 1000;
    const over = timeExpireDate < Date.now() / 1000;
    console.log(`${name}: timeExpireDate ${timeExpireDate}, over by now: ${over}; light's expiry ${expiry}; invoices: ${other}`);
    return [expiry, timeExpireDate, other];
};
const usual = invoice([]);
const longer = invoice([{ tagName: "expire_time", data: 7200 }]);
assert.deepEqual(show("no field", usual), [undefined, undefined, 1500003600]);
assert.deepEqual(show("7200 seconds", longer), [7200, 1500007200, 1500007200]);
assert.equal(light.decode(longer).sections.find((section) => section.name === "expiry").value, 7200);
console.log("as described: the usual hour is none");
JS
node try.cjs
