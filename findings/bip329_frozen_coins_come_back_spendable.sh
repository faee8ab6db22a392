#!/usr/bin/env bash
# bip329 (Python): it writes spendable: 0 into a label file, and reads such a coin as one that may be spent.
#
# Guess: BIP329JSONLWriter writes records that BIP329_Parser reads as the same: an output that is marked as not spendable stays so. The
# writer checks the field ("Invalid 'spendable' field in BIP-329 record") and refuses 2 or "no".
# Happens: the check is "in {True, False}", which is so for 0, 1 and 0.0 as well, and they are written as numbers. The format has JSON's
# true and false only, so that the parser takes anything else out of the record, with no more than a line in the log. A record without
# the field leaves a coin as it is, spendable in a wallet that was just restored. false itself comes back as false.
# Hurts: wallets that keep coins in SQLite, where a boolean is a number: frozen coins (dust of an attacker, coins of a channel) are
# backed up and restored as ordinary ones. Other wallets may read the 0 or refuse the file.
# Way out: bool() before write_label(), or BIP329_Parser(..., allow_boolsy=True).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check --no-deps bip329==1.0.0
touch py7zr.py  # stands in for a package that only encrypted files need
PYTHONPATH=$dir env/bin/python - <<'PYTHON'
import importlib.metadata
import json
import logging
import sqlite3
from pathlib import Path

from bip329.bip329_parser import BIP329_Parser
from bip329.bip329_writer import BIP329JSONLWriter

logging.disable(logging.WARNING)
print("bip329", importlib.metadata.version("bip329"))
database = sqlite3.connect(":memory:")
database.execute("CREATE TABLE coins (ref TEXT, label TEXT, spendable BOOLEAN)")
database.executemany("INSERT INTO coins VALUES (?, ?, ?)", [("aa" * 32 + ":0", "rent", True), ("bb" * 32 + ":1", "dust", False)])
rows = [dict(zip(("ref", "label", "spendable"), row), type="output") for row in database.execute("SELECT * FROM coins")]

for title, records in [("rows of SQLite", rows), ("with bool()", [{**row, "spendable": bool(row["spendable"])} for row in rows])]:
    writer = BIP329JSONLWriter("labels.jsonl")
    for record in records:
        writer.write_label(record)
    lines = [json.loads(line) for line in Path("labels.jsonl").read_text().splitlines()]
    for record, line, read in zip(records, lines, BIP329_Parser("labels.jsonl").load_entries(), strict=True):
        print(f"{title}: {record['label']}, spendable {record['spendable']!r}, in the file {json.dumps(line['spendable'])}, "
              f"read back {read.get('spendable', 'nothing')}")
        assert json.dumps(line["spendable"]) == json.dumps(record["spendable"])
        assert ("spendable" in read) == (title == "with bool()")
for refused in (2, "no", None):
    try:
        BIP329JSONLWriter("other.jsonl").write_label({**rows[0], "spendable": refused})
        raise SystemExit("written")
    except ValueError as error:
        print(f"{refused!r}: {error}")
print("as described: frozen coins come back spendable")
PYTHON
