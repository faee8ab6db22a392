#!/usr/bin/env bash
# py-epc-qr (Python): no payee with a point or a hyphen in the name, no reference with a slash, and no structured one at all.
#
# Guess: a European payment code (EPC069-12) may have in its texts what transfers may: letters, digits and / - ? : ( ) . , ' + and the space.
# Either a structured reference ("RF18...") or a text is given; the other stays empty.
# Happens: name and text are checked by isalnum() without the spaces: "Rotes Kreuz e.V.", "Jean-Luc Martin", "O'Brien Ltd" and "Invoice 2026-17"
# raise ValueError. The text must not be empty, so that a code with a structured reference always has both, which the standard
# forbids. What is let through: an IBAN whose check digits do not fit.
# Hurts: clubs and shops: most legal forms have a point, most numbers of invoices a hyphen or a slash. The name in the code has to be
# another than that of the account, which payers' banks compare with it; and a mistyped IBAN is printed on the bill.
# Way out: write the twelve lines by hand: they are a join.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check py-epc-qr==0.1.3
env/bin/python - <<'PYTHON'
import importlib.metadata

from py_epc_qr.transaction import consumer_epc_qr, epc_qr

print("py-epc-qr", importlib.metadata.version("py-epc-qr"))
IBAN = "DE89370400440532013000"


def told(make):
    try:
        return make().to_str().split("\n")
    except ValueError as error:
        return str(error)


plain = told(lambda: consumer_epc_qr(beneficiary="Anna Maier", iban=IBAN, amount=12.5, remittance="Invoice 17"))
print("plain:", plain)
assert plain == ["BCD", "002", "1", "SCT", "", "Anna Maier", IBAN, "EUR12.50", "", "", "Invoice 17", ""]
for name in ("Rotes Kreuz e.V.", "Jean-Luc Martin", "O'Brien Ltd"):
    answer = told(lambda: consumer_epc_qr(beneficiary=name, iban=IBAN, amount=12.5, remittance="Invoice 17"))
    print(f"{name}: {answer}")
    assert answer == "beneficiary is not alphanumeric"
for text in ("Invoice 2026-17", "2026/17", ""):
    answer = told(lambda: consumer_epc_qr(beneficiary="Anna Maier", iban=IBAN, amount=12.5, remittance=text))
    print(f"text {text!r}: {answer}")
    assert answer.endswith("non alphanumeric")
given = {"version": "002", "encoding": 1, "bic": "", "beneficiary": "Anna Maier", "iban": IBAN, "amount": 12.5, "purpose": "",
         "remittance_structured": "RF18539007547034", "originator_information": ""}
assert told(lambda: epc_qr(**given, remittance_unstructured="")).endswith("non alphanumeric")
both = told(lambda: epc_qr(**given, remittance_unstructured="Invoice"))
print("structured:", both[9:11])
assert both[9:11] == ["RF18539007547034", "Invoice"]
mistyped = IBAN[:-1] + "1"
assert told(lambda: consumer_epc_qr(beneficiary="Anna Maier", iban=mistyped, amount=12.5, remittance="Invoice 17"))[6] == mistyped
print("as described: letters, digits and spaces only, and always a text")
PYTHON
