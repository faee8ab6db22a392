#!/usr/bin/env bash
# py-snowflake-id (Python): the identifiers count from New Year 2023 of the local time zone, so that zones do not share an order.
#
# Guess: a snowflake is the milliseconds since a fixed moment, the number of the instance and a counter. Identifiers of two machines
# sort by the time at which they were made, and any machine reads that time from them, whatever its zone.
# Happens: the moment is 1 January 2023, 0:00, where the process runs. At the same instant a machine in Tokyo makes identifiers 17
# hours ahead of one in Los Angeles. What was made in UTC at noon is read in Tokyo as 3 in the morning, also UTC. One machine that
# is moved from Tokyo to UTC (a container without TZ, a new image) goes back by nine hours, and makes identifiers again that
# it made that day.
# Hurts: nodes and logs on several continents: "newer than the last key that I saw" leaves out what others made, and after a change
# of the zone identifiers are no longer unique. Where all run in UTC nothing is seen.
# Way out: set TZ=UTC for each process that makes or reads them.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check py-snowflake-id==0.0.1
cat >make.py <<'PYTHON'
import sys
import time

now = float(sys.argv[1])
time.time = lambda: now
from snowflake import SnowflakeGenerator, SnowflakeID

# A generator begins behind the moment of its start, so that the first identifier is made a millisecond later.
generator = SnowflakeGenerator(7)
import snowflake.snowflake

snowflake.snowflake.time = lambda: now + 0.001
made = next(generator)
print(made, *(SnowflakeID.parse(int(text)).datetime.isoformat() for text in [made, *sys.argv[2:]]))
PYTHON
env/bin/python - <<'PYTHON'
import importlib.metadata
import os
import subprocess
from datetime import datetime, timezone

print("py-snowflake-id", importlib.metadata.version("py-snowflake-id"))


def make(zone, moment, *others):
    """The identifier that is made, and the times that are read, its own first."""
    command = ["env/bin/python", "make.py", str(moment.timestamp()), *map(str, others)]
    output = subprocess.run(command, env={**os.environ, "TZ": zone}, check=True, capture_output=True, text=True).stdout
    made, *times = output.split()
    return int(made), times


noon = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
utc, _ = make("UTC0", noon)
made = {}
for name, zone in {"Tokyo": "JST-9", "UTC": "UTC0", "Los Angeles": "PST8"}.items():
    made[name], (own, foreign) = make(zone, noon, utc)
    print(f"at 12:00 UTC {name} makes {made[name]}, and says of its own {own[:19]}, of UTC's {foreign[:19]}")
    assert own.startswith("2026-06-01T12:00:00")
assert made["Los Angeles"] < made["UTC"] < made["Tokyo"]
hours = [(made["Tokyo"] - made[name] >> 22) / 3_600_000 for name in ("UTC", "Los Angeles")]
print("hours between Tokyo and the others:", hours)
assert hours == [9, 17]

later, _ = make("UTC0", noon.replace(hour=21))
print("nine hours later, after a change of the zone from Tokyo to UTC:", later)
assert later == made["Tokyo"]
print("as described: an identifier depends on the zone, and is made twice")
PYTHON
