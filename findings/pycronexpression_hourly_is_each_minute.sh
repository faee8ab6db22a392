#!/usr/bin/env bash
# PyCronExpression (Python): "every five hours" is each minute of every fifth hour, and Mondays for AWS are Sundays.
#
# Guess: hourly(platform="linux", hours=5) gives the cron expression for every five hours, "0 */5 * * *", as daily() puts a zero for the
# minute. weekly(platform="aws", weekly="monday", hours=10, minutes=1) gives what EventBridge takes for Monday, "1 10 ? * 2 *".
# Happens: hourly() leaves the star for the minutes: "* */5 * * *", which is 60 times in the hour from midnight, 60 times in that from five,
# 300 times a day instead of five. For AWS, where Sunday is 1 and one of the two fields for days must be "?", Monday is "1", and both
# fields are given: "1 10 * * 1 *" is refused by AWS, and would be Sunday. Midnight (hours=0) is refused by daily().
# Hurts: jobs that collect, back up, or pay out every few hours and are started each minute of that hour; nothing in the expression or
# the log of one run looks wrong.
# Way out: write the five fields yourself.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check PyCronExpression==1.0.1 croniter==6.0.0
env/bin/python - <<'PYTHON'
import importlib.metadata
from datetime import datetime, timedelta

from croniter import croniter
from py_cron_expression import CronJobExpression

print("PyCronExpression", importlib.metadata.version("PyCronExpression"), "croniter", importlib.metadata.version("croniter"))
start = datetime(2026, 3, 2)


def runs(expression):
    """The runs of a day, by another package."""
    times = croniter(expression, start - timedelta(minutes=1))
    found = []
    while (time := times.get_next(datetime)) < start + timedelta(days=1):
        found.append(time)
    return found


for expression in (CronJobExpression().hourly(platform="linux", hours=5), "0 */5 * * *"):
    found = runs(expression)
    print(f"{expression}: {len(found)} runs a day, the first at", " ".join(f"{time:%H:%M}" for time in found[:5]))
    assert len(found) == (300 if expression.startswith("*") else 5)
daily = CronJobExpression().daily(platform="linux", hours=5)
print(f"daily at five: {daily}, {len(runs(daily))} run a day")
assert len(runs(daily)) == 1
linux, aws = (CronJobExpression().weekly(platform=name, hours=10, minutes=1, weekly="monday") for name in ("linux", "aws"))
print(f"Mondays at 10:01: {linux} for linux, {aws} for aws")
assert (linux, aws) == ("1 10 * * 1", "1 10 * * 1 *")
try:
    print("daily at midnight:", CronJobExpression().daily(platform="linux", hours=0))
    raise SystemExit("midnight is taken")
except ValueError as error:
    print("daily at midnight:", error)
print("as described: an hour has sixty hourly runs")
PYTHON
