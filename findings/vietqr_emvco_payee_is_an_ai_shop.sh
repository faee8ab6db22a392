#!/usr/bin/env bash
# vietqr-emvco (Python): a payment code made without the payee's name has one: "CUA HANG AI", AI shop.
#
# Guess: generate(amount, memo) of an account's generator makes a Vietnamese transfer code. The name (59) is no part of such codes, since the bank
# tells it by the account; merchant_name is optional, and left out, there is no field 59. Amounts are written as given.
# Happens: field 59 is "CUA HANG AI" then, the example of the author's shop, in the code and in the link to a picture. A name that is
# given is turned into capitals. Of an amount, what stands behind the point is cut off, not rounded: 1234.9 is 1234.
# Hurts: whoever makes codes by account and amount, the usual case: payers see, in wallets that show the name of the code, a shop that
# is not the payee's; a name that does not fit that of the account is what banks warn of.
# Way out: always give merchant_name, and round amounts before.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check vietqr-emvco==1.0.0
env/bin/python - <<'PYTHON'
import importlib.metadata

from vietqr_emvco import VietQRGenerator, VietQRParser

print("vietqr-emvco", importlib.metadata.version("vietqr-emvco"))
made = VietQRGenerator(bank="970436", account="0123456789")
code = made.generate(amount=150000, memo="Order 17")
read = VietQRParser.parse(code)
print(code)
print("payee:", read["merchant_name"], "| account:", read["account_number"], "| amount:", read["amount"], "| memo:", read["memo"])
assert read["merchant_name"] == "CUA HANG AI" and "5911CUA HANG AI" in code
assert (read["account_number"], read["amount"], read["memo"]) == ("0123456789", 150000, "Order 17")
assert VietQRParser.verify_checksum(code)
assert made.generate_image_url(amount=150000, memo="Order").endswith("&accountName=CUA HANG AI")
assert VietQRParser.parse(made.generate(memo="x", merchant_name="Nguyen Van A"))["merchant_name"] == "NGUYEN VAN A"
assert VietQRParser.parse(made.generate(amount=1234.9))["amount"] == 1234
print("as described: without a name, the payee is an AI shop")
PYTHON
