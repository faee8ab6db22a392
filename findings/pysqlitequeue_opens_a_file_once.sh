#!/usr/bin/env bash
# PySqliteQueue (Python): a queue in a file can be opened once.
#
# Guess: a "Sqlite based queue" is there to keep its items between two runs of a program, or between two programs: SqliteQueue("queue.db") is
# a new queue the first time, and the one with what is still in it later.
# Happens: the table is made each time, without asking whether it is there: the second time is an OperationalError, "table queue already
# exists", though the items are in the file. And as poll() and peek() return None for an empty queue, a None that was put in looks
# like its end.
# Hurts: workers with a restart: the program that was tested runs one day, and does not start again with the work that is left. Only
# ":memory:", or a new file each time, works.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check pysqlitequeue==1.0.4
env/bin/python - <<'PYTHON'
import sqlite3

import pysqlitequeue

print("pysqlitequeue", pysqlitequeue.__version__)
queue = pysqlitequeue.SqliteQueue("queue.db")
for item in ("pay Anna", None, "pay Bert"):
    queue.put(item)
assert queue.poll() == "pay Anna"
print("size", queue.size(), "empty", queue.empty(), "poll", queue.poll())
assert queue.size() == 1
try:
    pysqlitequeue.SqliteQueue("queue.db")
    raise SystemExit("it can be opened again")
except sqlite3.OperationalError as error:
    print("opened again:", error)
rows = sqlite3.connect("queue.db").execute("SELECT COUNT(*) FROM queue").fetchone()
print("items in the file:", *rows)
assert rows == (1,)
print("as described: a file can be opened once")
PYTHON
