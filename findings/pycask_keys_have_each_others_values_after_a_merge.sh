#!/usr/bin/env bash
# pycask (Python): after merge() a key has the value of another one, and what was deleted is back when the store is opened again.
#
# Guess: a store like Bitcask: put() and delete() append to files, merge() writes the live entries of the older files anew, and get() gives
# the same before and after; a deletion holds over a restart.
# Happens: merge() moves the entries and leaves the index as it was, so that get() goes on reading at the former place of the former file:
# there is another entry now, the middle of one, or nothing. It gives that entry's value, without a look at the key or the checksum. It
# is right again when the store is opened anew. But opening reads entries that are not deletions only, so that each deleted key has its
# last value again. And sizes are counted in characters and written for bytes: after a key or value in other letters than ASCII
# nothing of that file can be read.
# Hurts: whoever merges in a running process: balances, tokens and settings are those of other keys.
# Way out: open the store anew after merge(), and write a value for "deleted".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m pip --version >/dev/null 2>&1 || { python3 -m venv env && PATH=$dir/env/bin:$PATH; }
install() { python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --no-compile --target "$@"; }
install lib pycask==0.5.0
PYTHONPATH=lib python3 - <<'PYTHON'
import importlib.metadata

from pycask import DataStore

print("pycask", importlib.metadata.version("pycask"))
LIMIT = 4 * (17 + 5 + 3)  # four entries a file, each with a header of 17 bytes
store = DataStore("data", log_file_threshold_size=LIMIT)
right = {}
for number in [1, 2, 3, 4, 1, 3, 5, 6, 7, 8]:
    key, value = f"user{number}", f"{len(right) * 11 + number * 100:03}"
    store.put(key, value)
    right[key] = value
assert {key: store.get(key) for key in right} == right
print("before:", right)
store.merge()


def read(key):
    try:
        return store.get(key)
    except Exception as error:
        return f"({type(error).__module__}.{type(error).__name__})"


after = {key: read(key) for key in right}
print("after merge():", after)
others = [key for key in right if after[key] != right[key]]
swapped = [key for key in others if after[key] in right.values()]
print(f"{len(others)} of {len(right)} are wrong, {len(swapped)} have another key's value: {swapped}")
assert swapped
store = DataStore("data", log_file_threshold_size=LIMIT)
assert {key: store.get(key) for key in right} == right, "opened again it is right"

store = DataStore("other")
store.put("session", "open")
store.delete("session")
gone = store.get("session")
store = DataStore("other")
print("deleted:", gone, "and opened again:", store.get("session"), "(right: None)")
assert gone is None and store.get("session") == "open"
print("as described: keys have others' values")
PYTHON
