#!/usr/bin/env bash
# swissqr (Python): a Swiss bill with a reference is accepted, but cannot be turned into a code; one without must not say so.
#
# Guess: QRData takes the three kinds of the standard: QRR (27 digits, with a QR-IBAN), SCOR ("RF18...") and NON. It checks
# the reference's length and letters, and str() of it, or SwissQR(data).get_markup(), is the code.
# Happens: of the three kinds, two have a comma too many behind their names: their values are tuples. QRData accepts such a bill, and str() and
# get_markup() raise TypeError. "QRR" as text is refused: pydantic wants ('QRR',). To
# say NON, the default, without a reference raises StandardViolation, "Reference must be empty", since none is not the empty text.
# Hurts: who bills in Switzerland: nearly every payee who files payments by machine uses QRR. The examples of the read-me, without
# a reference, work; the error comes where the bill is printed, not where it is made.
# Way out: data.reference_type = SimpleNamespace(value="QRR") after it has been checked; reference="" along with NON.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check swissqr==0.2.0 pydantic==2.14.4 iso4217==1.16.20260101 PyBan==0.4.0 pyban-swift==0.1.1 qrcode==8.2
env/bin/python - <<'PYTHON'
import importlib.metadata
from types import SimpleNamespace

from swissqr import PaymentParty, QRData, StandardViolation, SwissQR
from swissqr.qrdata import ReferenceType

print("swissqr", importlib.metadata.version("swissqr"))
payee = PaymentParty(name="Muster AG", street="Hauptstrasse", street_no="1", zipcode="3000", city="Bern", country="CH")
bill = {"iban": "CH4431999123000889012", "creditor": payee, "amount": 12.5}


def told(make):
    try:
        return make()
    except Exception as error:
        return f"{type(error).__name__}: {error}".split("\n")[0]


plain = told(lambda: str(QRData(**bill)).split("\r\n"))
print("no reference:", plain[0], plain[3], plain[18:20], plain[27:])
assert plain[27:] == ["NON", "", "", "EPD"]
for kind, reference in ((ReferenceType.QRR, "210000000003139471430009017"), (ReferenceType.SCOR, "RF18539007547034")):
    data = QRData(**bill, reference_type=kind, reference=reference)
    answers = told(lambda: str(data)), told(lambda: SwissQR(data).get_markup())
    print(f"{kind.name} ({kind.value!r}):", answers[0])
    assert kind.value == (kind.name,)
    assert answers[0] == answers[1] and answers[0].startswith("TypeError: sequence item")
    data.reference_type = SimpleNamespace(value=kind.name)
    assert str(data).split("\r\n")[27:] == [kind.name, reference, "", "EPD"]
text = told(lambda: QRData(**bill, reference_type="QRR", reference="210000000003139471430009017"))
none = told(lambda: QRData(**bill, reference_type=ReferenceType.NON))
print('"QRR":', text, "| NON:", none)
assert text.startswith("ValidationError") and none == "StandardViolation: Reference must be empty for type NON"
assert str(QRData(**bill, reference_type=ReferenceType.NON, reference="")).split("\r\n")[27] == "NON"
print("as described: bills with a reference have no code")
PYTHON
