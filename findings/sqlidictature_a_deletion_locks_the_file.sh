#!/usr/bin/env bash
# sqlidictature (Python): after `del table[key]` no other program can write to the file, and after `del db[table]` the table is unusable.
#
# Guess: "use your SQLite db as a Python dictionary": del removes a row, or a whole table, as the page says, and it is done then, as a
# row that is set. db[table] makes a table that is not there.
# Happens: setting commits, deleting does not. The transaction stays open until the next set or the end of the program: other programs
# still see the row, and whatever they write fails with "database is locked", however long they wait. A table that was deleted is
# remembered as made: reading and setting raise "no such table" until the program is started anew.
# Hurts: a service that deletes and then waits for work: the tool beside it, a backup or a second process is locked out for hours; and if
# the service is killed, what it deleted is back. With one process and sets in between nothing shows.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check sqlidictature==0.9.9
env/bin/python - <<'PYTHON'
import importlib.metadata
import os
import sqlite3

from sqlidictature import SQLiDictature

print("sqlidictature", importlib.metadata.version("sqlidictature"))
store = SQLiDictature("store.db")
other = sqlite3.connect("store.db", timeout=1)


def other_writes():
    try:
        with other:
            other.execute("UPDATE db_peers SET value = value")
        return "written"
    except sqlite3.OperationalError as error:
        return str(error)


store["peers"]["a"] = 1
store["peers"]["b"] = 2
after_set = other_writes()
del store["peers"]["a"]
rows = other.execute("SELECT key FROM db_peers ORDER BY key").fetchall()
after_del = other_writes()
print("another connection, after a set:", after_set, "- after a del:", after_del, "- it sees", rows, "- here:", store["peers"].to_dict())
assert (after_set, after_del) == ("written", "database is locked")
assert rows == [("a",), ("b",)] and store["peers"].to_dict() == {"b": 2}
store["peers"]["c"] = 3
assert other_writes() == "written"

del store["peers"]
other.close()
assert "peers" not in store
try:
    store["peers"]["d"] = 4
    raise SystemExit("the table is made anew")
except sqlite3.OperationalError as error:
    print("a table that was deleted is set again:", error)
store["others"]["d"] = 4
print("as described: deletions are not finished", flush=True)
os._exit(0)  # its thread outlives the program
PYTHON
