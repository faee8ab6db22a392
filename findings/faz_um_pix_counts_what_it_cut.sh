#!/usr/bin/env bash
# faz-um-pix (npm): a text of more than fifty characters makes a payment code whose fields do not fit, with a right checksum.
#
# Guess: Pix(key, name, city, amount, text) makes a code of Brazil's Pix, in which each field says its length. Too long a text is cut
# to 50 characters (the function does that), or refused. The checksum at the end tells readers that the code is sound.
# Happens: the text is cut, and the length before it is that of the whole text: the field of the payee's account ends some characters
# before the text in it should. A strict reader refuses the code, as one whose fields do not fit. The checksum is made of that and
# fits, and the amount and the names, which stand outside, can be read.
# Hurts: shops that put the order and the customer's name into the text: such codes are "invalid" in the payer's bank, and a check of
# the checksum finds nothing. Short texts, as in tests, work.
# Way out: cut the text before.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts faz-um-pix@2.0.2 >/dev/null
cat >try.cjs <<'JS'
const assert = require("node:assert");
const { Pix } = require("faz-um-pix");
console.log("faz-um-pix", require("faz-um-pix/package.json").version);

const crc16 = (text) => {
    let crc = 0xffff;
    for (const byte of Buffer.from(text)) {
        crc ^= byte << 8;
        for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
    }
    return crc.toString(16).toUpperCase().padStart(4, "0");
};
/** The fields of a text, and "broken" if one ends beyond it. */
const fields = (text) => {
    const found = {};
    for (let at = 0; at < text.length; ) {
        const length = Number(text.slice(at + 2, at + 4));
        const value = text.slice(at + 4, at + 4 + length);
        if (!/^\d{4}$/.test(text.slice(at, at + 4)) || value.length !== length) return { ...found, broken: text.slice(at) };
        found[text.slice(at, at + 2)] = value;
        at += 4 + length;
    }
    return found;
};
(async () => {
    const order = "Pedido 1234, Maria da Silva Santos, entrega sexta-feira as 9";
    const make = async (length) => {
        const code = await Pix("123456789", "SILVA SILVA", "RIO DE JANEIRO", "25.00", order.slice(0, length));
        assert.equal(code.slice(-4), crc16(code.slice(0, -4)));
        const all = fields(code);
        const account = fields(all["26"] ?? "");
        console.log(`text of ${length}:`, code);
        console.log("   reads as", JSON.stringify(all), "account", JSON.stringify(account));
        return { all, account };
    };
    const short = await make(50);
    assert.equal(short.all["54"], "25.00");
    assert.equal(short.account["02"], order.slice(0, 50));
    const long = await make(56);
    assert.equal(long.all["54"], "25.00");
    assert.ok(long.account.broken);
    assert.ok(long.account.broken.startsWith("0256" + order.slice(0, 50)));
    console.log("as described: the length is that of what was cut away");
})();
JS
node try.cjs
