#!/usr/bin/env bash
# sqlite3-cache (Python): the cache "in memory" is a file that keeps everything.
#
# Guess: Cache() is in memory, as in_memory is True by default: "a file is still created, but nothing is stored in it". With the end
# of the process its contents are gone.
# Happens: the name is given the end of a URI (":?mode=memory&cache=shared"), but SQLite is not told that it is one. It is the name of
# a usual file, ".cache:?mode=memory&cache=shared", in the folder where the program was started, hidden by its point. A second
# process, started later, reads what the first one stored. Also, pragmas that are given are overridden by the defaults.
# Hurts: programs that keep what must not touch the disk, such as words or answers with names, in it; and those that count on an
# empty cache after a restart: entries "until manually removed" (a negative timeout) never end. Two programs that are
# started in one folder share their keys.
# Way out: in_memory=False with a path of one's own, or a dict.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check sqlite3-cache==0.2.2
cat >finding.py <<'PY'
import sys
from importlib.metadata import version

from sqlite3_cache import Cache

cache = Cache(synchronous="full")
if sys.argv[1] == "first":
    print("sqlite3-cache", version("sqlite3-cache"))
    cache.set("words", "abandon ability able", timeout=-1)
else:
    print("a later process reads:", cache.get("words"))
    assert cache.get("words") == "abandon ability able"
    assert cache._con.execute("PRAGMA synchronous").fetchone() == (0,)
    print("synchronous=full was asked for, and is off")
cache.close()
PY
mkdir work
cd work
../env/bin/python ../finding.py first
name='.cache:?mode=memory&cache=shared'
test "$(ls -A)" = "$name"
grep -q 'abandon ability able' "$name"
echo "on the disk, with the words in it: $(ls -A)"
../env/bin/python ../finding.py later
echo "as described: what is in memory is on the disk"
