#!/usr/bin/env bash
# crypto-qr-codes (Python): each payment code carries another company's name, and most carry an amount of 0.
#
# Guess: create_qr_code(currency, address, amount, message) draws a payment URI as BIP 21 defines it: the address, the amount if
# there is one, the message with what is special in it escaped. That is all that the package's page tells of.
# Happens: every code has label=CryptoWallet.com as well. A label names the one who is paid, and wallets show it and keep it with
# the address. Without an amount the code asks for amount=0, which by BIP 21 is a sum and not "as you like". An amount of
# 0.00001 is written 1e-05, which is none in BIP 21. The message goes in as it is: "Bill 7 & tip" ends at the ampersand.
# Hurts: whoever prints such codes at a till: payers read that they pay CryptoWallet.com, and their address books say so from then
# on.
# (The text is taken where the package hands it to the drawing library.)
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check crypto-qr-codes==0.1.8 qrcode==8.2 pillow==11.3.0
env/bin/python - <<'PYTHON'
import importlib.metadata
from urllib.parse import parse_qs, urlsplit

import qrcode
from crypto_qr_codes.qr import create_qr_code

print("crypto-qr-codes", importlib.metadata.version("crypto-qr-codes"))
address = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
texts = []
draw = qrcode.QRCode.add_data


def note(code, data, *rest, **more):
    texts.append(data)
    return draw(code, data, *rest, **more)


qrcode.QRCode.add_data = note
for given, amount, message in (
    ({"amount": 0.1, "message": "Payment for goods"}, "0.1", "Payment for goods"),
    ({}, "0", None),
    ({"amount": 0.00001}, "1e-05", None),
    ({"amount": 0.5, "message": "Bill 7 & tip"}, "0.5", "Bill 7 "),
):
    path = create_qr_code("bitcoin", address, **given)
    assert str(path).endswith("output.png"), path
    parts = urlsplit(texts[-1])
    read = {key: values[0] for key, values in parse_qs(parts.query).items()}
    print(given, "->", texts[-1])
    assert (parts.scheme, parts.path) == ("bitcoin", address)
    assert read.pop("label") == "CryptoWallet.com"
    assert read == {"amount": amount} | ({"message": message} if message else {}), read
print("as described: every payee has one name")
PYTHON
