#!/usr/bin/env bash
# ratelimitqueue (Python): after one get_nowait() that came too early nothing is ever given out again.
#
# Guess: RateLimitQueue is a queue.Queue whose get() keeps to so many calls per time. get_nowait(), or a get() with a timeout that is too
# short, raises RateLimitException while the limit holds, and works when the time has come.
# Happens: a lock is taken at the begin of get() and given back at its end, but not when RateLimitException is raised in between. Each later
# get_nowait() raises "Timed out waiting for next item", an hour later too, with items in the queue; a get() without a timeout waits for
# ever. Nothing but the first message hints at the limit. (The remaining time for timeouts grows as time goes by, besides.)
# Hurts: loops that poll: a worker that asks without waiting, gets its first refusal, and stands still from then on.
# Way out: get() without timeout only, in a thread of its own.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check ratelimitqueue==0.2.2
env/bin/python - <<'PYTHON'
import importlib.metadata
import time

from ratelimitqueue import RateLimitQueue
from ratelimitqueue.exceptions import RateLimitException

print("ratelimitqueue", importlib.metadata.version("ratelimitqueue"))


def ask(queue, **arguments):
    try:
        return queue.get(**arguments)
    except RateLimitException as error:
        return str(error)


for name, arguments in (("without waiting", {"block": False}), ("with a timeout", {"timeout": 0.1})):
    queue = RateLimitQueue(calls=1, per=0.5)
    for number in range(5):
        queue.put(number)
    answers = [ask(queue, **arguments), ask(queue, **arguments)]
    for _ in range(3):
        time.sleep(1)
        answers.append(ask(queue, **arguments))
    print(f"one call in 0.5 s, asked {name}, then three times after a second: {answers}, {queue.qsize()} left")
    assert answers[0] == 0 and queue.qsize() == 4
    assert answers[2:] == ["Timed out waiting for next item"] * 3

queue = RateLimitQueue(calls=1, per=0.5)
for number in range(3):
    queue.put(number)
assert [queue.get() for _ in range(3)] == [0, 1, 2]
print("as described: the first refusal is the last word")
PYTHON
