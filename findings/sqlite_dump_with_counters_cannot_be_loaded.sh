#!/usr/bin/env bash
# sqlite-dump (Python): the dump of a table "transactions" with AUTOINCREMENT cannot be loaded, that of "blocks" can.
#
# Guess: "an improved version of .iterdump()": what it yields can be run on an empty database, as with Python's own.
# Happens: tables are written in the order of their names, and the counters of AUTOINCREMENT (sqlite_sequence) among them. SQLite
# makes that table with the first table that counts. If the names of all of those come after "sqlite_sequence", such as
# transactions, users or wallets, the dump begins with DELETE FROM "sqlite_sequence" and fails with "no such table". With
# a table "blocks" that counts too, all is well. Full-text tables with a quoted option, as tokenize='porter', fail as well,
# since the quotes within quotes are not doubled.
# Hurts: backups: writing succeeds, and the error comes when the dump is needed. The line is the same each time, so a test with other
# names proves nothing. Python's own iterdump() writes the counters last.
# Way out: iterdump() of the connection; or load with the line moved to the end.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check sqlite-dump==0.1.1
cat >finding.py <<'PY'
import sqlite3
from importlib.metadata import version

from sqlite_dump import iterdump

print("sqlite-dump", version("sqlite-dump"))

def filled(*tables):
    connection = sqlite3.connect(":memory:")
    for name in tables:
        connection.execute(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY AUTOINCREMENT, amount INTEGER)")
        connection.execute(f"INSERT INTO {name} (amount) VALUES (5)")
    connection.commit()
    return connection

def loads(lines):
    try:
        sqlite3.connect(":memory:").executescript("\n".join(lines))
        return "yes"
    except sqlite3.Error as error:
        return str(error)

for tables in (["blocks"], ["transactions"], ["users", "wallets"], ["blocks", "transactions"]):
    connection = filled(*tables)
    ours, own = loads(iterdump(connection)), loads(connection.iterdump())
    print(f"{tables}: loads: {ours}; Python's own: {own}")
    assert ours == ("yes" if "blocks" in tables else "no such table: sqlite_sequence")

for options in ("body", "body, tokenize='porter'"):
    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE VIRTUAL TABLE notes USING fts5({options})")
    result = loads(iterdump(connection))
    print(f"fts5({options}): loads: {result}")
    assert result == ("yes" if options == "body" else 'near "porter": syntax error')
print("as described: it depends on the alphabet")
PY
env/bin/python finding.py
