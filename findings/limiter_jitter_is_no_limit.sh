#!/usr/bin/env bash
# limiter (Python): with jitter there is no limit: jitter=True, or any number of milliseconds, lets all calls through at once.
#
# Guess: Limiter(rate=5, capacity=1) lets five calls a second through, and with jitter=True, "to add a small amount of random jitter", or
# jitter=20, "a fixed amount of jitter" in milliseconds, each waits that much more.
# Happens: the jitter is taken off the time to wait, and a number counts as seconds: 0.2 seconds less 20 seconds. True is a number too in
# Python, one, so that the branch for random jitter is never reached. A time below zero then means "do not wait, and go on": the call
# is made without a token. A thousand calls at five a second take no time. With a range or tuple the jitter is milliseconds, but taken
# off as well, so that calls go on shortly before their token is there: more than the rate allows.
# Hurts: who adds jitter to be kinder to a server: the server gets everything at once, and answers with 429 or a ban.
# Way out: no jitter, and a random sleep of one's own.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check limiter==0.5.0
env/bin/python - <<'PYTHON'
import importlib.metadata
import time

from limiter import Limiter

print("limiter", importlib.metadata.version("limiter"))
counts = {}
for jitter in (False, True, 20, range(0, 20)):
    limiter = Limiter(rate=5, capacity=1, jitter=jitter)
    count, end = 0, time.monotonic() + 2
    while time.monotonic() < end and count < 1000:
        with limiter:
            count += 1
    counts[str(jitter)] = count
    print(f"jitter={jitter}: {count} calls in two seconds at five a second")
assert counts["False"] <= 12
assert counts["True"] == counts["20"] == 1000
assert counts["range(0, 20)"] >= counts["False"]
print("as described: with jitter nothing waits")
PYTHON
