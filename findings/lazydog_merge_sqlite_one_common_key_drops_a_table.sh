#!/usr/bin/env bash
# lazydog-merge-sqlite (Python): two databases whose rows are numbered from 1 merge into the first one, with exit status 0.
#
# Guess: "Merge SQLite DB files by copying the tables": the rows of both are in the result, or the command fails. A table that only the
# second has arrives as it was.
# Happens: each table is copied by one statement. If a single row has a key that is taken, none of the table is copied: the error is
# a line of the log, and the status is 0. A table that only the second file has arrives without its primary key, its defaults,
# NOT NULL, UNIQUE and its indices, as it is created from a SELECT; then "INSERT OR REPLACE" adds second rows for a key.
# Hurts: who gathers the files of several hosts: "INTEGER PRIMARY KEY" counts from 1 everywhere, so all but the first
# host's rows are missing; a month later the file merges again, and what was unique is not.
# Way out: ATTACH, and INSERT with columns and "OR IGNORE" chosen for each table.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check lazydog-merge-sqlite==0.1.0
cat >finding.py <<'PY'
import sqlite3
import subprocess
import sys
from importlib.metadata import version

print("lazydog-merge-sqlite", version("lazydog-merge-sqlite"))


def database(name, *statements):
    connection = sqlite3.connect(name)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


blocks = "CREATE TABLE blocks (id INTEGER PRIMARY KEY, hash TEXT)"
database("one.db", blocks, "INSERT INTO blocks (hash) VALUES ('a'), ('b')")
database(
    "two.db",
    blocks,
    "INSERT INTO blocks VALUES (2, 'c'), (3, 'd'), (4, 'e')",
    "CREATE TABLE peers (address TEXT PRIMARY KEY, score INTEGER NOT NULL DEFAULT 7)",
    "INSERT INTO peers VALUES ('192.0.2.1', 1)",
)
command = [sys.executable, "-m", "lazydog_merge_sqlite", "one.db", "two.db", "--out", "all.db"]
run = subprocess.run(command, capture_output=True, text=True)
print("status", run.returncode, "log:", run.stderr.strip())
assert run.returncode == 0 and "UNIQUE constraint failed" in run.stderr

merged = sqlite3.connect("all.db")
hashes = [row[0] for row in merged.execute("SELECT hash FROM blocks ORDER BY id")]
print("of a, b and c, d, e, of which only c has a key that is taken, there are", hashes)
assert hashes == ["a", "b"]

schema = merged.execute("SELECT sql FROM sqlite_schema WHERE name = 'peers'").fetchone()[0]
merged.execute("INSERT OR REPLACE INTO peers VALUES ('192.0.2.1', NULL)")
rows = merged.execute("SELECT * FROM peers").fetchall()
print("the table of the second:", " ".join(schema.split()), "after INSERT OR REPLACE:", rows)
assert "PRIMARY" not in schema and "DEFAULT" not in schema and len(rows) == 2
print("as described: a table is dropped for a row, and keys are lost")
PY
env/bin/python finding.py
