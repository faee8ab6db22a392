#!/usr/bin/env bash
# Five packages for Brazilian payment codes (Pix) make codes that no reader understands, from a text of 38 characters on.
#
# Guess: fields have two digits for their length, so the account, in which the payee's key and a text for the payer stand, has 99
# characters at most. A package that takes a text, and checks other lengths, cuts or refuses what does not fit.
# Happens: beside a random key (36 characters), the most private kind, there is room for a text of 37. From 38 on
# gpix, qrcode-pix and pix-utils (npm), python-brcode and starkbank-brcode (Python) write a length of three digits: "100".
# Readers take "10" for the length and the 0 for text: the currency, the amount and the payee's name are lost. The checksum fits. gpix
# checks that the text has no more than 50 characters, and pix-utils checks the name, the city and the reference.
# Hurts: shops that put the order into the text: "QR code invalid" at the payer's bank, for long texts alone, and for one kind of key (a
# telephone number leaves room for 59). parsePix() of pix-utils refuses what its createStaticPix() made.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts gpix@1.1.8 qrcode-pix@5.0.0 pix-utils@2.8.2 >/dev/null
python3 -m venv env
for package in python-brcode==0.2.0 starkbank-brcode==1.1.0; do # both are imported as brcode
    env/bin/pip install -q --disable-pip-version-check --no-deps --target "${package%==*}" "$package"
done
cat >try.cjs <<'JS'
const assert = require("node:assert");
const { readFileSync } = require("node:fs");
const { PIX } = require("gpix/dist");
const { QrCodePix } = require("qrcode-pix");
const { createStaticPix, parsePix } = require("pix-utils");
const key = "123e4567-e12b-12d1-a456-426655440000";
const makers = {
    gpix: (text) => PIX.static().setReceiverName("LOJA").setReceiverCity("RECIFE").setKey(key).setDescription(text).setAmount(25).getBRCode(),
    "qrcode-pix": (text) => QrCodePix({ version: "01", key, name: "LOJA", city: "RECIFE", message: text, value: 25 }).payload(),
    "pix-utils": (text) => {
        const shop = { merchantName: "LOJA", merchantCity: "RECIFE", pixKey: key };
        const code = createStaticPix({ ...shop, infoAdicional: text, transactionAmount: 25 }).toBRCode();
        const own = parsePix(code);
        assert.equal(own.message ?? own.infoAdicional, text.length < 38 ? text : "invalid emv code");
        return code;
    },
};
for (const [name, make] of Object.entries(makers)) {
    const { version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`));
    for (const length of [37, 38]) console.log([`${name} ${version}`, length, make("x".repeat(length))].join("\t"));
}
JS
node try.cjs >codes
PYTHONPATH=python-brcode env/bin/python - >>codes <<'PYTHON'
from decimal import Decimal
from brcode import BRCode
for length in (37, 38):
    code = BRCode(key="123e4567-e12b-12d1-a456-426655440000", name="LOJA", city="RECIFE", amount=Decimal(25), description="x" * length)
    print("python-brcode 0.2.0", length, code, sep="\t")
PYTHON
PYTHONPATH=starkbank-brcode env/bin/python - >>codes <<'PYTHON'
from brcode import static
for length in (37, 38):
    shop = {"key": "123e4567-e12b-12d1-a456-426655440000", "name": "LOJA", "city": "RECIFE", "txid": "***"}
    print("starkbank-brcode 1.1.0", length, static.fromJson(shop | {"amount": 2500, "description": "x" * length}), sep="\t")
PYTHON
python3 - <<'PYTHON'
def crc16(text):
    crc = 0xFFFF
    for byte in text.encode():
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ (0x1021 if crc & 0x8000 else 0)) & 0xFFFF
    return f"{crc:04X}"


def fields(text):
    """The fields of a code, up to where there is none any more."""
    found = {}
    while text[:4].isdigit() and 0 < int(text[2:4]) <= len(text) - 4:
        found[text[:2]], text = text[4 : 4 + int(text[2:4])], text[4 + int(text[2:4]) :]
    return found, text


seen = set()
for line in open("codes"):
    name, length, code = line.rstrip("\n").split("\t")
    found, rest = fields(code)
    print(f"{name}, {length} characters: amount {found.get('54')}, payee {found.get('59')}, not understood: {rest[:24]!r}")
    assert code[-4:] == crc16(code[:-4])
    if length == "37":
        assert found["54"] == "25.00" and found["59"] == "LOJA" and rest == ""
    else:
        assert "2610000" in code and found["26"].startswith("00") and "54" not in found and "59" not in found and rest
        seen.add(name)
assert len(seen) == 5
print("as described: a hundred has three digits")
PYTHON
