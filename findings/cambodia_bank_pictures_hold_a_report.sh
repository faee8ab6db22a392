#!/usr/bin/env bash
# cambodia-bank (Python): the picture it makes of a payment code holds a JSON report, not the code.
#
# Guess: create_qr() gives the text of a Cambodian payment code (KHQR), as a kind of str that print() shows as a report, which the read-me
# says; qr_image(), beside it, and anybody's QR library make the picture of the text.
# Happens: the report stands wherever Python asks for str(): in f"{code}", "%s" % code and format(), and in str(code) itself. The QR library asks
# for it too, so that the picture, the package's own included, has the report with status, name and amount, at one and a half
# times the width. len(), slices, "+", ==, encode() and the MD5 by which a payment is looked for go by the text.
# Hurts: shops: payers' banks say "not a KHQR", and every check in code is right: the text begins with "000201" and has the right length.
# Way out: qr_image("".join(code)), or code.to_dict()["data"]["qr"]: both are plain texts.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check cambodia-bank==1.0.3 qrcode==8.2 pillow==12.0.0
env/bin/python - <<'PYTHON'
import hashlib
import importlib.metadata
import json

import qrcode
from cambodia_bank import KHQR
from PIL import Image

print("cambodia-bank", importlib.metadata.version("cambodia-bank"))
maker = KHQR()
code = maker.create_qr(account_id="shop@bank", merchant_name="Shop", merchant_city="Phnom Penh", amount=1.5, currency="USD")
plain = "".join(code)
print("text:", plain)
assert type(plain) is str and plain == code and code.startswith("000201") and len(code) == len(plain)
assert code.to_dict()["data"]["qr"] == plain and type(code.to_dict()["data"]["qr"]) is str
assert maker.generate_md5(code) == hashlib.md5(plain.encode()).hexdigest()
report = f"{code}"
print("f-string:", report[:40].replace("\n", " "), "...")
assert json.loads(report)["status"] == "success" and report == str(code) == "%s" % code == format(code)


def picture(text, name):
    maker.qr_image(text, output_path=name)
    with Image.open(name) as image:
        return image.size, image.convert("1").tobytes()


def drawn(text):
    image = qrcode.make(text).get_image().convert("1")
    return image.size, image.tobytes()


own, joined = picture(code, "own.png"), picture("".join(code), "joined.png")
print("qr_image(code):", own[0], "| of the text:", joined[0], "| of the report:", drawn(report)[0])
assert own == drawn(report) == drawn(code) and own != joined
assert joined == drawn(plain)
print("as described: the picture is of the report")
PYTHON
