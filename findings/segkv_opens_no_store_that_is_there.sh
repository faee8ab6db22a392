#!/usr/bin/env bash
# segkv (Python): a store that has anything in it cannot be opened again, and what is written while it is compacted is gone.
#
# Guess: "All writes are appended to log files for durability", "Crash recovery: Index rebuilt from segments on startup", "Background thread
# merges segments": what set() has written is there after a restart, and after a compaction too.
# Happens: opening asks for the place in a text file while it goes through its lines, which Python refuses: OSError, "telling position
# disabled by next() call", for each store with one entry. And compact() takes the list of entries at its start, merges without the lock,
# and at the end deletes all files of that list with the one that is being written to, and puts its own index in place of the newer
# one: a set() that returned meanwhile, synced to disk, is nowhere.
# Hurts: whoever trusts it with data: a first test in one process passes, the first restart does not; and with five segments the background
# compaction begins to lose what is written at that moment.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m pip --version >/dev/null 2>&1 || { python3 -m venv env && PATH=$dir/env/bin:$PATH; }
install() { python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --no-compile --target "$@"; }
install lib segkv==0.1.0
PYTHONPATH=lib python3 - <<'PYTHON'
import builtins
import contextlib
import importlib.metadata
import io
import json
from pathlib import Path

import segkv.core
from segkv import LSDB

print("segkv", importlib.metadata.version("segkv"))
store = LSDB("one", auto_compact=False)
store.set("account", "100")
assert store.get("account") == "100"
store.close()
try:
    found = LSDB("one", auto_compact=False).get("account")
except OSError as error:
    found = error
print("opened again:", repr(found), "(right: '100')")
assert isinstance(found, OSError) and "telling position" in str(found)

store = LSDB("two", auto_compact=False)
store.set("account", "100")
store.set("other", "1")


def while_merging(path, mode="r", *rest, **named):
    """Opens a file for the store; when it begins to write the merged one, another part of the program makes a payment."""
    if mode == "w":
        store.set("account", "70")
        print("set() while it is merged:", store.get("account"))
    return builtins.open(path, mode, *rest, **named)


segkv.core.open = while_merging
with contextlib.redirect_stdout(io.StringIO()) as said:
    store.compact()
print(said.getvalue().splitlines()[1])
after = store.get("account")
kept = [json.loads(line)["value"] for path in Path("two").glob("*.log") for line in path.read_text().splitlines() if '"account"' in line]
print(f"after compact(): account {after} (right: 70), in all files: {kept}")
assert after == "100" and kept == ["100"]
store.close()
print("as described: what is there cannot be opened, and what is new is lost")
PYTHON
