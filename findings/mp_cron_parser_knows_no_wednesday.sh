#!/usr/bin/env bash
# mp-cron-parser (Python): no Wednesday and no July, a weekend that never comes, and the 1st only if it is a Monday.
#
# Guess: "standard cron syntax" with the names SUN-SAT and JAN-DEC: "WED" and "JUL" are like the others, "FRI-SUN" is Friday to Sunday,
# since Sunday is 0 or 7, and if both the day of the month and the weekday are given, either of them is enough, as in cron's manual.
# Happens: the letters L and W are taken for extensions wherever they stand: each expression with WED or JUL raises ValueError, "unsupported
# feature". "FRI-SUN" or "SAT-SUN" is the empty range from 5 to 0, so that next_run() searches five years and gives None; "5-7" is right.
# "0 3 1 * MON" runs on the first of a month only if that is a Monday: twice in a year instead of more than sixty times.
# Hurts: jobs of devices and nodes (MicroPython has no other parser): backups and renewals "on the 1st and each Monday" that come after
# months; and a weekend job whose time is None, which is "never" or an error of the loop.
# Way out: numbers for names, 7 for Sunday, and two parsers where both days are given.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check mp-cron-parser==0.1.5 croniter==6.0.0
env/bin/python - <<'PYTHON'
import importlib.metadata
import os
import time

os.environ["TZ"] = "UTC"
time.tzset()

from cron_parser import Cron
from croniter import croniter

print("mp-cron-parser", importlib.metadata.version("mp-cron-parser"), "croniter", importlib.metadata.version("croniter"))
start = 1_772_323_200  # 2026-03-01, a Sunday


def here(expression):
    """The runs of a year, or what is wrong."""
    try:
        found, now = 0, start
        while (now := Cron(expression).next_run(now)) is not None and now < start + 365 * 86400:
            found += 1
        return found if found or now else None
    except ValueError as error:
        return str(error)


def elsewhere(expression):
    times, found = croniter(expression, start), 0
    while times.get_next(float) < start + 365 * 86400:
        found += 1
    return found


expected = {"0 3 * * TUE": 52, "0 3 * * 5-7": 157, "0 3 1 * *": 12, "0 3 * * FRI-SUN": None, "0 3 1 * MON": 2}
for expression, count in expected.items():
    print(f"{expression}: {here(expression)} runs in a year, {elsewhere(expression)} by croniter")
    assert here(expression) == count, here(expression)
for expression in ("0 3 * * WED", "0 3 1 JUL *"):
    print(f"{expression}: {here(expression)}")
    assert "Unsupported" in here(expression)
print("as described: L and W are in the way, Sunday is the first day only, and both days must hold")
PYTHON
