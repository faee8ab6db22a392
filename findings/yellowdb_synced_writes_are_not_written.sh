#!/usr/bin/env bash
# yellowdb (Python): with the write-ahead log synced "on every write", the last 99 writes are in memory only when the process ends.
#
# Guess: "Write-Ahead Log ensures durability before acknowledgment", and with enable_sync_wal(True) "every write is immediately synced to
# disk for maximum durability". After set() has returned, a killed process has lost nothing.
# Happens: entries of the log are gathered first, and go to the file when there are 100 of them or a megabyte. The setting is asked only
# then. A process that is killed after 30 writes has written none; after 130 it has 100. A deletion is lost in the same way, so that
# the key is there again. close() and flush() do write; without the setting even more is lost.
# Hurts: ledgers and queues that acknowledge what set() has taken: up to 99 payments are gone after a crash or the end of the container.
# Way out: flush() after what must not be lost (it writes a table each time), or SQLite, with which this compares.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m pip --version >/dev/null 2>&1 || { python3 -m venv env && PATH=$dir/env/bin:$PATH; }
install() { python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --no-compile --target "$@"; }
install lib yellowdb==1.0.0 sortedcontainers==2.4.0
cat >writer.py <<'PYTHON'
import logging
import os
import sqlite3
import sys

from yellowdb import Config, YellowDB

logging.disable(logging.CRITICAL)
kind, count = sys.argv[1], int(sys.argv[2])
if kind == "sqlite":
    store = sqlite3.connect("ledger.db", isolation_level=None)
    store.execute("CREATE TABLE payments (number PRIMARY KEY)")
    for number in range(count):
        store.execute("INSERT INTO payments VALUES (?)", (number,))
else:
    Config().enable_sync_wal(kind == "synced")
    store = YellowDB(data_directory=f"{kind}{count}")
    for number in range(count):
        store.set(f"payment {number}", b"paid")
os._exit(0)  # as a process that is killed
PYTHON
PYTHONPATH=lib python3 - <<'PYTHON'
import importlib.metadata
import logging
import sqlite3
import subprocess
import sys

from yellowdb import YellowDB

logging.disable(logging.CRITICAL)
print("yellowdb", importlib.metadata.version("yellowdb"))
for kind in ("synced", "usual"):
    for count, expected in [(30, 0), (99, 0), (130, 100)]:
        subprocess.run([sys.executable, "writer.py", kind, str(count)], check=True)
        with YellowDB(data_directory=f"{kind}{count}") as store:
            found = sum(store.get(f"payment {number}") is not None for number in range(count))
        print(f"{kind}: {count} writes returned, after the crash {found} are there")
        assert found == (expected if kind == "synced" else 0)
subprocess.run([sys.executable, "writer.py", "sqlite", "30"], check=True)
found = sqlite3.connect("ledger.db").execute("SELECT count(*) FROM payments").fetchone()[0]
print(f"SQLite: 30 writes returned, after the crash {found} are there")
assert found == 30
print("as described: synced writes are not written")
PYTHON
