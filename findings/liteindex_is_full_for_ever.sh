#!/usr/bin/env bash
# liteindex (Python): a store of 1 MB at most that holds one number counts as full, and throws away what is put beside it.
#
# Guess: KVIndex with EvictionCfg(EvictLRU, max_size_in_mb=1) puts out the least recently used entries when all together exceed 1 MB. To
# write a key again replaces its value, and the size is that of the new one. popitem() takes the last entry, as dict's does.
# Happens: the size is kept as a sum. To it, each write adds the whole row (key, times, value) and takes off the old value alone; what
# is put out or deleted gives back its value alone. So the sum grows by 37 bytes with each write of a counter that is there: after
# 30,000 it is over 1 MB, and never comes down. From then on each write first puts out a fifth of the entries, at least one, until
# one is left. And popitem(), with reverse=True or without, takes the oldest entry.
# Hurts: caches that live long: they become empty ones, without an error; each hit rate falls after some days of work. Restarting does
# not help, as the sum is in the file.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check liteindex==0.0.3.3
env/bin/python - >log <<'PYTHON'
import importlib.metadata
import sqlite3
import sys

from liteindex import EvictionCfg, KVIndex


def say(*words):
    print(*words, file=sys.stderr)


say("liteindex", importlib.metadata.version("liteindex"))
store = KVIndex("cache.db", eviction=EvictionCfg(EvictionCfg.EvictLRU, max_size_in_mb=1))
for n in range(20):
    store[f"page {n}"] = "x" * 1000
assert len(store) == 20


def size():
    with sqlite3.connect("cache.db") as database:
        return database.execute("SELECT num FROM kv_index_num_metadata WHERE key = 'current_size_in_mb'").fetchone()[0]


def count(times):
    for n in range(0, times, 100):
        store.update([("counter", n + step) for step in range(100)])
    say(f"after {times} more writes of one number the size counts as {size():.2f} MB; entries: {len(store)}")


count(25000)
assert len(store) == 21 and 0.8 < size() < 1
count(10000)
assert len(store) == 1 and size() > 1
store = KVIndex("cache.db", eviction=EvictionCfg(EvictionCfg.EvictLRU, max_size_in_mb=1))
for n in range(20):
    store[f"new page {n}"] = "x" * 1000
say("of twenty pages, put in after it was opened anew, there are:", list(store.keys()))
assert list(store.keys()) == ["new page 19"]

plain = KVIndex("plain.db")
for name in "abc":
    plain[name] = name
assert plain.popitem() == ("a", "a") and plain.popitem(reverse=False) == ("b", "b")
say("popitem() of a, b, c takes a")
say("as described: it is full for ever")
PYTHON
