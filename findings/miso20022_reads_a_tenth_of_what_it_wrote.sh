#!/usr/bin/env bash
# miso20022 (Python): of a Fedwire payment of 1000.50 dollars it reads 100.05, and addresses lose each "NA" in them.
#
# Guess: a payload's amount in cents, "100050", becomes 1000.50 in the pacs.008 message, and reading the message gives "100050" again.
# Address lines are written as they are given; "NA" stands for a line that there is not.
# Happens: the cents are divided as a float and written as Python shows one: 1000.5, 10.0, and from 16 digits on another amount. The
# reader takes the point out and calls the rest cents: 1000.5 is 10005. So a tenth is read of all amounts that end in a zero, which are
# most of them, from its own messages and from each other one that is written without closing zeros, as XML allows. And "NA" is
# taken out of the middle of words: SAVANNAH is SAVANH, 1 CANAL ROAD is 1 CAL ROAD, INDIANAPOLIS is INDIAPOLIS.
# Hurts: payments that are booked by what was read; beneficiaries' addresses, by which payments are screened and stopped. An amount such
# as 1000.55 and an address without "NA" are right.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check --no-deps miso20022==0.1.6 xmltodict==0.14.2 lxml==5.3.0
env/bin/python - <<'PYTHON'
import importlib.metadata
import json
from decimal import Decimal
from pathlib import Path

import miso20022
from miso20022.pacs.pacs008 import Document, FIToFICstmrCdtTrf

print("miso20022", importlib.metadata.version("miso20022"))


def message(cents, lines=("123 Main street", "ANYTOWN, TX 12345")):
    """The transfer of a payload shaped as on the package's page, with made-up names."""
    def person(name):
        keys = ("addressLineOne", "addressLineTwo", "addressLineThree")
        return {"personal": {"name": name, "address": dict(zip(keys, (*lines, "NA"))), "identifier": "12345"}}

    def bank(side, number):
        return {f"{side}ABANumber": number, f"{side}ShortName": "Bank", f"{side}Address": {"addressLineOne": "1 Bank street"}}

    return Document.from_payload({"fedWireMessage": {
        "inputMessageAccountabilityData": {"inputCycleDate": "20260109", "inputSource": "BANK", "inputSequenceNumber": "000001"},
        "amount": {"amount": cents},
        "senderDepositoryInstitution": bank("sender", "000000001"),
        "receiverDepositoryInstitution": bank("receiver", "000000002"),
        "originator": person("JANE DOE"), "beneficiary": person("JOHN DOE"),
    }}).to_dict()["Document"]["FIToFICstmrCdtTrf"]


def read(transfer):
    inner = {"FedwireFundsCustomerCreditTransfer": {"Document": {"FIToFICstmrCdtTrf": transfer}}}
    Path("message.xml").write_text(miso20022.dict_to_xml({"FedwireFundsOutgoingMessage": inner}, "f", "urn:f", "FedwireFundsOutgoing"))
    return FIToFICstmrCdtTrf.from_iso20022(json.loads(miso20022.parse_xml_to_json("message.xml")))[1]


for cents, text, result in [
    ("100055", "1000.55", "100055"),
    ("100050", "1000.5", "10005"),
    ("1000", "10.0", "100"),
    ("10", "0.1", "01"),
    ("123456789012345678", "1234567890123456.8", "12345678901234568"),
]:
    transfer = message(cents)
    written = transfer["CdtTrfTxInf"]["IntrBkSttlmAmt"]["#text"]
    found = read(transfer).IntrBkSttlmAmt["#text"]
    print(f"{cents} cents: written {written} (right: {Decimal(cents) / 100:.2f}), read as {found} cents")
    assert (written, found) == (text, result)

for lines, result in [
    (("123 Main street", "ANYTOWN, TX 12345"), ["123 Main street", "ANYTOWN, TX 12345"]),
    (("12 NASSAU STREET", "SAVANNAH, GA 31401"), ["12 SSAU STREET", "SAVANH, GA 31401"]),
    (("1 CANAL ROAD", "INDIANAPOLIS, IN 46201"), ["1 CAL ROAD", "INDIAPOLIS, IN 46201"]),
]:
    written = message("1000", lines)["CdtTrfTxInf"]["Cdtr"]["PstlAdr"]["AdrLine"]
    print(f"{lines}: written {written}")
    assert written == result
print("as described: a tenth is read, and addresses are cut")
PYTHON
