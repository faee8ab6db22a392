#!/usr/bin/env bash
# pyekv (Python): get() of a key that was never there is None, of one whose time is over an error, each time.
#
# Guess: get() returns Optional[str]: None if there is no such key, and a key whose time is over is no longer there. set() without a time
# stores a value for good, as in Redis, whose commands these are.
# Happens: a key that is over is deleted when it is asked for, and KeyError is raised; the error rolls the deletion back, so that the next
# get() raises again, until something is written to that name or cleanup() is called. hget(), lrange() and dictget() do the same. set()
# without a time, on a key that has one, leaves the time: the new value goes when the old one would have.
# Hurts: caches and sessions written as "value = get(key); if value is None: ..." work until the first entry is over, and then
# raise. What was made permanent (a guest's basket that became an order) vanishes at a moment nobody set.
# Way out: ttl(key) == -2 before get(); delete by cleanup(), then set() anew.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check pyekv==0.1.3
env/bin/python - <<'PYTHON'
import importlib.metadata
import time

from pyekv import EKV

print("pyekv", importlib.metadata.version("pyekv"))
store = EKV("store.db")


def get(key):
    try:
        return store.get(key)
    except KeyError as error:
        return f"KeyError: {error}"


store.set("session", "of Anna", exp=400)
store.set("basket", "a guest's", exp=400)
store.set("basket", "an order")
print("never set:", store.get("nothing"), "| in time:", store.get("session"), "| ttl of what was set again without a time:", store.ttl("basket"))
assert store.get("nothing") is None and store.get("session") == "of Anna" and 0 < store.ttl("basket") <= 400
time.sleep(0.6)
answers = [get("session"), get("session"), get("basket")]
print("after their time:", answers, "| ttl:", store.ttl("session"), store.ttl("nothing"))
assert answers == ["KeyError: \"Key 'session' not found\""] * 2 + ["KeyError: \"Key 'basket' not found\""]
assert store.ttl("session") == store.ttl("nothing") == -2
assert get("session") is None
print("as described: what is over raises, until something else deletes it")
PYTHON
