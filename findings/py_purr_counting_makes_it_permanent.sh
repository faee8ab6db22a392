#!/usr/bin/env bash
# py-purr (Python): a counter that is to live for a minute lives for ever once it is counted, and one that is over goes on where it was.
#
# Guess: "Redis-like operations on SQLite", with "TTL auto-expiry": incr() adds to the value and leaves the time to live alone, as in Redis.
# When the time is over the key is gone, and incr() begins anew. set() and mset() make a value that stays.
# Happens: incr() and decr() end in set(), which removes the time. Of a key whose time is over they take the value from the table without
# looking at the time: 5 becomes 6, now for good. mset() is the other way round: it leaves the former time, and what it wrote goes when
# that ends. get() and set() are right.
# Hurts: limits by the minute ("set to 0 with a time, then count"): the first request makes the counter permanent, so that after the
# limit is reached once, the user or peer is refused for ever. A test that ends within the minute sees nothing.
# Way out: expire() after each incr().
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check py-purr==0.1.0
env/bin/python - <<'PYTHON'
import importlib.metadata
import time

from purr import Store

print("py-purr", importlib.metadata.version("py-purr"))
store = Store("store.db")

store.set("requests", 0, ttl=60)
assert 59 < store.ttl("requests") <= 60
print("set for 60 s, then incr():", store.incr("requests"), "time to live:", store.ttl("requests"))
assert store.ttl("requests") is None

store.set("over", 5, ttl=0.5)
store.set("gone", 5, ttl=0.5)
store.set("bulk", "old", ttl=0.5)
store.mset({"bulk": "new"})
time.sleep(1)
assert store.get("gone") is None
print("5 for half a second, incr() after a second:", store.incr("over"), "time to live:", store.ttl("over"))
assert store.get("over") == 6 and store.ttl("over") is None
print("what mset() wrote over a value with a time:", store.get("bulk"))
assert store.get("bulk") is None
print("as described: counting makes it permanent")
PYTHON
