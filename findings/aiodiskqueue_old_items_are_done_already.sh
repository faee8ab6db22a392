#!/usr/bin/env bash
# aiodiskqueue (Python): after a restart the first item that is done raises an error, and join() waits for none.
#
# Guess: "queue content persists a process restart", with "feature parity with asyncio.Queue": what was put and not yet got is there
# again, task_done() is called for each item as before, and join() returns when all are done.
# Happens: the items are read again, and the number of unfinished ones begins at 0. task_done() for an item of the former run raises
# ValueError ("called too many times"), and join() returns at once while items wait. If new items are put, the old
# ones count as theirs: join() returns when as many are done as were put since the start, which are the older ones.
# Hurts: a worker as in the documentation of asyncio, get(), work, task_done(): after a restart it does one piece of work and ends
# with an exception; a program that waits for join() before it closes ends with work undone. The first run is right.
# Way out: count what was there (qsize() after create()) yourself, or no task_done().
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check aiodiskqueue==0.1.2 aiofiles==24.1.0 aiodbm==0.4.2
cat >finding.py <<'PY'
import asyncio
from importlib.metadata import version

from aiodiskqueue import Queue
from aiodiskqueue.engines import PickleSequence

print("aiodiskqueue", version("aiodiskqueue"))


async def opened(name, engine):
    return await Queue.create(name, cls_storage_engine=engine)


async def returns(awaitable):
    try:
        await asyncio.wait_for(awaitable, 1)
    except asyncio.TimeoutError:
        return False
    return True


async def run(name, engine):
    queue = await opened(name, engine)
    for number in (1, 2, 3):
        await queue.put(f"payment {number}")
    assert await queue.get() == "payment 1"
    await queue.task_done()
    assert not await returns(queue.join())
    print(f"{name}: first run, one of three is done, {queue.qsize()} are left, join() waits")

    queue = await opened(name, engine)
    joined = await returns(queue.join())
    item = await queue.get()
    print(f"{name}: after a restart {queue.qsize() + 1} are left, join() returns at once: {joined}; got {item}")
    assert joined and item == "payment 2"
    try:
        await queue.task_done()
        raise AssertionError("it was counted")
    except ValueError as error:
        print(f"{name}: task_done() raises {error}")

    await queue.put("payment 4")
    assert await queue.get() == "payment 3"
    await queue.task_done()
    joined = await returns(queue.join())
    print(f"{name}: 4 was put, 3 is done, join() returns: {joined}, with {queue.qsize()} left")
    assert joined and queue.qsize() == 1


asyncio.run(run("default", None))
asyncio.run(run("sequence", PickleSequence))
print("as described: what was there before is done already")
PY
env/bin/python finding.py
