#!/usr/bin/env bash
# breakers (Python): the success that closes a circuit breaker opens it again with the next call.
#
# Guess: a Breaker opens when half of the last calls failed, lets one call through after retry_time, and closes if this one succeeds: from
# then on all calls are allowed, until half of those that come fail.
# Happens: add_success() sets the state to closed, but the failures stay in the statistics of the last twenty seconds. The next question,
# is_allow(), reckons with them, finds more than half failed, and opens again for another ten seconds. With the settings as they come,
# a service that is well again after ten seconds gets two calls in the next twenty; with a time_span of five minutes it gets one in
# ten seconds for five minutes, all of which succeed.
# Hurts: outages that last longer for one's own users than for the service: payments and requests are refused without being tried, and
# nothing but the breaker is broken. A test that asks for the state right after the success sees it closed.
# Way out: retry_time longer than time_span, or a new Breaker after the first success.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check breakers==0.1.0
env/bin/python - <<'PYTHON'
import importlib.metadata

import breakers
import breakers.stats
from breakers import Breaker

print("breakers", importlib.metadata.version("breakers"))
now = 1_800_000_000_000
breakers.ms_now = breakers.stats.ms_now = lambda: now


def after_the_outage(**options):
    """Fails for five seconds, is well from then on: the seconds in which calls, one in each second, are allowed."""
    global now
    breaker, allowed = Breaker(**options), []
    for second in range(100):
        for _ in range(10):
            if breaker.is_allow():
                breaker.add_failure(1) if second < 5 else breaker.add_success(1)
                if second >= 5:
                    allowed.append(second)
            now += 100
    return allowed


for options in ({}, {"time_span": 60_000}, {"time_span": 5_000}):
    allowed = after_the_outage(**options)
    refused = [second for second in range(5, 100) if second not in allowed]
    print(f"{options}: well from second 5 on; first calls allowed in seconds {allowed[:7]}; seconds without any: {len(refused)}")
    if not options:
        assert len(refused) > 12
    elif options["time_span"] == 60_000:
        assert len(refused) > 45 and allowed[:5] == [11, 21, 31, 41, 51]
    else:
        assert len(refused) <= 6

breaker = Breaker()
for _ in range(10):
    breaker.add_failure(1)
assert breaker.is_open() and not breaker.is_allow()
now += 10_001
assert breaker.is_allow()
breaker.add_success(1)
print("right after the success:", breaker._status, "- asked:", breaker.is_open())
assert breaker.is_open() and not breaker.is_allow()
print("as described: closed until it is asked")
PYTHON
