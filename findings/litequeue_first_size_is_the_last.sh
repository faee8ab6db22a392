#!/usr/bin/env bash
# litequeue (Python): the size that a queue was made with is its size for ever, whatever maxsize is given later.
#
# Guess: LiteQueue(file, maxsize=N) holds at most N messages that wait, and LiteQueue(file) any number. maxsize belongs to the object,
# as for queue.Queue, so a program that is started with a larger one has more room.
# Happens: the limit is a trigger in the file, "CREATE TRIGGER IF NOT EXISTS", with the number in it. It is made by the first object
# that has a maxsize, and no later one replaces it: with maxsize=10 afterwards, or without any, the fourth message raises
# "Max queue length reached: 3", while full() says False and maxsize None. A smaller maxsize is ignored likewise. A second
# queue in the file has no indices, as their names are those of the first.
# Hurts: operators who raise the limit after an alarm: the new number is in the configuration and in the object, and messages are
# refused as before. Tests make new files.
# Way out: DROP TRIGGER maxsize_control_Queue before the queue is opened.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check litequeue==0.9
cat >finding.py <<'PY'
import sqlite3
from importlib.metadata import version

from litequeue import LiteQueue

print("litequeue", version("litequeue"))


def room(queue):
    count = 0
    try:
        while count < 20:
            queue.put(f"message {count}")
            count += 1
        message = "no error"
    except sqlite3.Error as error:
        message = str(error)
    full = queue.full()
    while queue.pop():
        pass
    queue.close()
    return count, message, full


limit = "Max queue length reached: 3"
for maxsize, expected in ((3, (3, limit, True)), (10, (3, limit, False)), (None, (3, limit, False)), (2, (3, limit, True))):
    found = room(LiteQueue("queue.db", maxsize=maxsize))
    print(f"maxsize={maxsize}: put {found[0]}, {found[1]}, full() is {found[2]}")
    assert found == expected
assert room(LiteQueue("other.db")) == (20, "no error", False)

LiteQueue("queue.db", queue_name="Second").close()
indices = sqlite3.connect("queue.db").execute("SELECT name, tbl_name FROM sqlite_master WHERE type = 'index'").fetchall()
print("indices:", indices)
assert {table for _, table in indices} == {"Queue"}
print("as described: three remains the limit")
PY
env/bin/python finding.py
