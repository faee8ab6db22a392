#!/usr/bin/env bash
# amoredb (Python): the last hundred of a log are none if it has a hundred, and all but the last one are none whatever it has.
#
# Guess: an append-only database is read in slices, as an error of the package advises: log[-100:] are the last 100 records, or all
# where there are fewer, log[:-1] all but the last, log[seen:] what is new, log[seen:limit] what is new up to a limit. As in lists.
# Happens: where a slice begins at the start and its end is counted from behind, the reader stands at the end of the index after
# it has counted, and finds nothing. If fewer records are there than were asked for, those before the start are counted from
# behind again: of 100 records [-100:] gives none, of 99 the last one, of 60 the last 40, of 50 or fewer none. And a slice that
# ends where it begins, or before, gives one record: with log[seen:limit] the one behind the limit, once that is reached.
# Right are slices from the start or a positive number, to a positive number behind it, or to the end.
# Hurts: whoever shows the last payments, which works from the 101st on; whoever reads a log up to a height that others have
# confirmed: the next record is delivered before its time, and then once more.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check amoredb==0.0.3 aiofiles==24.1.0
env/bin/python - <<'PYTHON'
import asyncio

import amoredb

print("amoredb", amoredb.__version__)


async def write(count):
    name = f"log of {count}"
    async with amoredb.AmoreDB(name, "w") as log:
        for number in range(count):
            await log.append(b"%d" % number)
    return name


async def read(name, start, stop):
    async with amoredb.AmoreDB(name, "r") as log:
        return [int(record) async for record in log[start:stop]]


def short(numbers):
    return f"{len(numbers)} records, {numbers[0]} to {numbers[-1]}" if numbers else "no record"


async def main():
    for count, expected in ((250, 100), (101, 100), (100, 0), (99, 1), (60, 40), (40, 0)):
        name = await write(count)
        last, but_last = await read(name, -100, None), await read(name, None, -1)
        print(f"a log of {count}: [-100:] are {short(last)}; [:-1] are {short(but_last)}")
        assert last == list(range(count - expected, count))
        assert but_last == []

    name, seen, delivered = await write(10), 0, []
    for limit in (4, 4, 7):
        new = await read(name, seen, limit)
        print(f"[{seen}:{limit}]: {new}")
        seen, delivered = limit, delivered + new
    assert delivered == [0, 1, 2, 3, 4, 4, 5, 6]
    assert await read(name, None, 0) == [0] and await read(name, 5, 2) == [5]

    right = [(start, stop) for start in (None, *range(12)) for stop in (None, *range(1, 13)) if stop is None or (start or 0) < stop]
    assert [await read(name, *ends) for ends in right] == [list(range(10))[slice(*ends)] for ends in right]


asyncio.run(main())
print("as described: slices are not those of lists")
PYTHON
