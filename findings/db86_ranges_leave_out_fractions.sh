#!/usr/bin/env bash
# db86 (Python): in the range from 0 to 10 there is no 9.5, and the row with the key "amount" is a column.
#
# Guess: table["amount", 0:10] are the rows whose amount is at least 0 and less than 10, as table["amount", :10] and table["amount", 0:] are
# each on their own. table[key] is the row of this key, as in a dict, and "key in table" says whether there is one.
# Happens: with both ends the range is BETWEEN 0 AND 9, so what lies between the last two whole numbers is missing: 9.5 is found below 10, is
# found from 0 on, but not from 0 to 10. A row whose key is the name of a column cannot be read: table["amount"] is the
# list of all amounts.
# Hurts: who sums up by ranges of prices, fees or seconds: parts of the rows are in no range, and the sum of the parts is less than the
# whole. Whole numbers, as in examples, are right.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check db86==0.7.0
env/bin/python - <<'PYTHON'
import importlib.metadata

from db86 import Database

print("db86", importlib.metadata.version("db86"))
database = Database("store.sqlite")
table = database["payments", "table"]
table.add_column("amount", "REAL")
for key, amount in {"a": 3.0, "b": 9.0, "c": 9.5, "d": 10.0, "e": 19.25}.items():
    table[key] = {"amount": amount}


def keys(rows):
    return [row[0] for row in rows]


below, since, both = keys(table["amount", :10]), keys(table["amount", 0:]), keys(table["amount", 0:10])
print("below 10:", below, "from 0:", since, "from 0 to 10:", both)
assert below == ["a", "b", "c"] and since == ["a", "b", "c", "d", "e"]
assert both == ["a", "b"]
parts = [keys(table["amount", start : start + 10]) for start in (0, 10, 20)]
print("in steps of ten:", parts)
assert parts == [["a", "b"], ["d"], []]

table["amount"] = {"amount": 7.0}
assert "amount" in table and len(table) == 6
print("the row with the key amount:", table["amount"])
assert table["amount"] == [3.0, 9.0, 9.5, 10.0, 19.25, 7.0]
print("as described: fractions are left out")
PYTHON
