#!/usr/bin/env bash
# qr-payment-cz (Python): the constant symbol of a payment code has a key that is not the format's, and a long variable one is cut.
#
# Guess: the package writes Czech payment codes (SPD) "based on" their specification: the three symbols by which payees file a
# payment are X-VS, X-SS and X-KS. They have at most ten digits; more are refused, as an IBAN of a wrong length is.
# Happens: variable and specific symbol are written as X-VS and X-SS, the constant one as X_KS, which is none of the specification's
# keys. Of a symbol with more than ten digits the last ten are written: 12345678901 becomes 2345678901, another number.
# Hurts: who files payments by these symbols, as offices and landlords do: a payment without its constant symbol, or filed under
# another one's bill. The code is read, and the amount and the account are right.
# Way out: replace X_KS in the text before it is drawn, and count the digits.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check qr-payment-cz==0.2.18
env/bin/python - <<'PYTHON'
import importlib.metadata

from qr_payment_cz.libs.str_generator import StrGenerator

print("qr-payment-cz", importlib.metadata.version("qr-payment-cz"))


def fields(**given):
    text = StrGenerator(iban="CZ6508000000192000145399", ammount=450, **given).generate_string()
    print(given, "->", text)
    kind, version, *pairs = text.split("*")
    assert (kind, version) == ("SPD", "1.0")
    return dict(pair.split(":", 1) for pair in pairs)


account = {"ACC": "CZ6508000000192000145399", "AM": "450.00", "CC": "CZK"}
assert fields() == account
assert fields(vs=1234567890, ss=55) == account | {"X-VS": "1234567890", "X-SS": "55"}
assert fields(vs=7, ks=308) == account | {"X-VS": "7", "X_KS": "308"}
assert fields(vs=12345678901) == account | {"X-VS": "2345678901"}
try:
    fields_of_a_short_iban = StrGenerator(iban="CZ65080000001920001453", ammount=450).generate_string()
    raise SystemExit(f"made: {fields_of_a_short_iban}")
except Exception as error:
    print("an IBAN that is too short:", error)
print("as described: symbols are lost or others")
PYTHON
