#!/usr/bin/env bash
# merkle-audit (Python): after a restart no event is recorded, until there are more than before.
#
# Guess: a chain of events that is kept in SQLite goes on where it ended when the program is started again: "each entry commits to all
# previous entries", and the file has each event.
# Happens: the chain begins anew at index 0 with the first root, as it never reads the file. The index is the primary key, and the
# entries are written with INSERT OR IGNORE: those of the second run are dropped without a word while the first run's have their
# numbers. Once it has appended more than were there, the rest is stored, and no longer fits: verify_entry() of the first of
# these with the root before it is False, so that an honest log looks tampered with.
# Hurts: who records what agents or operators did: the file has the first day, and of each later one only what came after as many events
# as the longest day before. append() returns an entry with hashes each time, as if all were well.
# Way out: a file for each run.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check --no-deps merkle-audit==0.1.0
cat >finding.py <<'PY'
import sqlite3
from importlib.metadata import version

from merkle_audit.chain import AuditChain, ChainEntry
from merkle_audit.persister import SQLitePersister

print("merkle-audit", version("merkle-audit"))


def run(day, count):
    """One run of a program: a new chain on the same file, as after a restart."""
    chain, persister = AuditChain(), SQLitePersister("audit.db")
    chain.set_persist_hook(persister)
    for number in range(count):
        entry = chain.append(f"day {day}, event {number}", {})
        assert entry.leaf_hash and entry.leaf_index == number
    persister.close()
    connection = sqlite3.connect("audit.db")
    rows = [ChainEntry(*row) for row in connection.execute("SELECT * FROM audit_log ORDER BY leaf_index")]
    connection.close()
    roots = ["0" * 64] + [row.mmr_root for row in rows]
    valid = [chain.verify_entry(row, root) for row, root in zip(rows, roots)]
    print(f"after day {day} with {count} events:", [row.action_type for row in rows], "valid:", valid)
    return [row.action_type for row in rows], valid


first = [f"day 1, event {number}" for number in range(3)]
assert run(1, 3) == (first, [True] * 3)
assert run(2, 3) == (first, [True] * 3)
rows, valid = run(3, 5)
assert rows == [*first, "day 3, event 3", "day 3, event 4"]
assert valid == [True, True, True, False, True]
print("as described: the second day did not happen")
PY
env/bin/python finding.py
