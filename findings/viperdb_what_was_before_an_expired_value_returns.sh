#!/usr/bin/env bash
# viperdb (Python): after a value has expired and the store is opened again, the key has the value from before, or nothing can be opened.
#
# Guess: set_with_expiration(key, value, time) replaces what the key had; from that time on the key is not there, in this process and in the
# next one. del removes a key for good. A store that was not closed is repaired when it is opened.
# Happens: opening reads the log and passes over each entry that has expired, as if it had not been written. The entry before it counts
# again: a token without an end that was replaced by one of an hour is back, without an end. If the key was deleted before its
# time, the deletion finds nothing to delete: KeyError, and the store does not open any more. Nor does one that was not closed, if
# any key was ever deleted: repairing writes None as the bytes of a deletion.
# Hurts: sessions, leases and caches, after a restart only; tests that stay in one process pass. reclaim() before each close() helps.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m pip --version >/dev/null 2>&1 || { python3 -m venv env && PATH=$dir/env/bin:$PATH; }
install() { python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --no-compile --target "$@"; }
install lib viperdb==1.0.0
PYTHONPATH=lib python3 - <<'PYTHON'
import importlib.metadata
import subprocess
import sys
import time

from viperdb import ViperDB

print("viperdb", importlib.metadata.version("viperdb"))


def soon():
    return int(time.time() * 1000) + 5000


def opened(path, key):
    try:
        with ViperDB(path) as store:
            return store[key]
    except Exception as error:
        return f"{type(error).__name__}: {error}"


with ViperDB("one") as store:
    store["token"] = "of last year"
    end = soon()
    store.set_with_expiration("token", "for five seconds", end)
    first = store["token"]
    time.sleep(max(0, end / 1000 + 0.1 - time.time()))
    expired = store["token"]
again = opened("one", "token")
print(f"a replaced token: {first}, then {expired}, and opened again: {again} (right: None)")
assert (first, expired, again) == ("for five seconds", None, "of last year")

with ViperDB("two") as store:
    store["account"] = "kept"
    end = soon()
    store.set_with_expiration("session", "open", end)
    del store["session"]
before = opened("two", "account")
time.sleep(max(0, end / 1000 + 0.1 - time.time()))
after = opened("two", "account")
print(f"a session that was deleted: account {before} before it expires, after that {after} (right: kept)")
assert (before, after) == ("kept", "KeyError: 'session'")

program = """
import os, sys
from viperdb import ViperDB
store = ViperDB(sys.argv[1])
store["account"] = "kept"
store["session"] = "open"
if sys.argv[1] == "four":
    del store["session"]
store._flush()
os._exit(0)  # as a process that is killed
"""
for path, expected in [("three", "kept"), ("four", "TypeError: a bytes-like object is required, not 'NoneType'")]:
    subprocess.run([sys.executable, "-c", program, path], check=True)
    found = opened(path, "account")
    print(f"not closed, {'a' if path == 'four' else 'no'} deletion: account {found} (right: kept)")
    assert found == expected
print("as described: the log is read without what has expired")
PYTHON
