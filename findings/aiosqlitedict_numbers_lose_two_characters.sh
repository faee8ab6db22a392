#!/usr/bin/env bash
# aiosqlitedict (Python): select() gives 12.5 as the text "2.", and -5 as an empty one.
#
# Guess: select("amount") is the list of the values in that column, as its page shows for whole numbers and titles.
# Happens: each row is turned into the text of a tuple, and that is cut at both ends: the brackets, and what ought to be quotes. Only
# whole numbers that are not negative are told apart before. 12.5 is "2.", -5 is "", 0.25 is ".2", NULL is the text "None". Texts
# keep the form that Python prints: a line feed is a backslash and an n, and a text with a letter beyond ASCII comes with
# its quotes around it. to_dict() of the same rows is right.
# Hurts: whoever adds up balances or fees: "2." is a number to float(), so nothing need fail. Test data of whole numbers and English
# words look right. (The package does not name aiosqlite as what it needs.)
# Way out: to_dict(), or execute() with a query.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check aiosqlitedict==0.0.29 aiosqlite==0.20.0
cat >finding.py <<'PY'
import asyncio
import sqlite3
from importlib.metadata import version

from aiosqlitedict.database import Connect

print("aiosqlitedict", version("aiosqlitedict"))
umlaut = "Gr" + chr(252) + "n"
rows = [(12.5, "rent"), (-5, "it's"), (7, "two\nlines"), (None, umlaut), (0.25, 'say "no"'), (100, None)]
with sqlite3.connect("payments.db") as connection:
    connection.execute("CREATE TABLE payments (id INTEGER PRIMARY KEY, amount, note TEXT)")
    connection.executemany("INSERT INTO payments (amount, note) VALUES (?, ?)", rows)


async def main():
    payments = Connect("payments.db", "payments", "id")
    amounts = await payments.select("amount", order_by="id")
    notes = await payments.select("note", order_by="id")
    for (amount, note), seen, text in zip(rows, amounts, notes):
        print(f"{amount!r} is {seen!r}, {note!a} is {text!a}")
    assert amounts == ["2.", "", 7, "None", ".2", 100]
    assert notes == ["rent", "it's", "two\\nlines", f"'{umlaut}'", 'say "no"', "None"]
    whole = [await payments.to_dict(number + 1, "*") for number in range(len(rows))]
    assert [(row["amount"], row["note"]) for row in whole] == rows
    print("as described: two characters of each fraction are gone")


asyncio.run(main())
PY
env/bin/python finding.py
