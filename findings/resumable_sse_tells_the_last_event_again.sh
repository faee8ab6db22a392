#!/usr/bin/env bash
# resumable-sse (Python): who resumes a stream gets the last event twice, and of two clients only one is told that it has ended.
#
# Guess: stream(session_id, generator, last_id) resumes "with Last-Event-ID": after the event of that number, as it does with the
# package's other store, Redis. The generator runs once for a session; whoever follows the session gets all of it and the end.
# Happens: in memory the number is the place in a list, from 0, and the place to go on from as well. The event of the number that a
# client brings is sent again, each time; the number before the first event, which is the default, is that of the first. The
# first client that meets the end removes the session: others that follow it wait three seconds and are left without the
# "end"; one that asks afterwards, to be sure that it has seen all, starts the generator anew, and with it whatever it does.
# Hurts: texts that are put together of pieces, which repeat one piece at each break of the line; counters of payments; clients that
# connect again until they have seen the end, and servers whose generator costs money.
# Way out: add one to the number before stream(), and keep your own note of sessions that have ended.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check resumable-sse==0.1.0 redis==6.4.0
cat >finding.py <<'PY'
import asyncio
from importlib.metadata import version

from resumable_sse.factory import get_streamer

print("resumable-sse", version("resumable-sse"))
started = 0


async def words():
    global started
    started += 1
    for word in ["one", "two", "three", "four"]:
        yield word
        await asyncio.sleep(0.1)


async def take(streamer, count=None, last_id="0"):
    seen = []
    async for event in streamer.stream("session", words(), last_id):
        seen.append((event.get("id"), event["data"] or event["event"]))
        if len(seen) == count:
            break
    return seen


async def main():
    streamer = get_streamer(backend="memory")
    first = await take(streamer, 2)
    second = await take(streamer, None, first[-1][0])
    print("before the line broke:", first)
    print(f"resumed after {first[-1][0]}:      ", second)
    assert first == [("0", "one"), ("1", "two")]
    assert second == [("1", "two"), ("2", "three"), ("3", "four"), (None, "end")]
    assert started == 1
    third = await take(streamer, None, "3")
    print("asked again after 3:  ", third, f"- the generator was started {started} times")
    assert third == [("3", "four"), (None, "end")] and started == 2

    shared = get_streamer(backend="memory")
    both = await asyncio.gather(take(shared), take(shared))
    ends = [(None, "end") in seen for seen in both]
    print("two clients of one session were told its end:", ends)
    assert sorted(ends) == [False, True]
    assert all([word for _, word in seen][:4] == ["one", "two", "three", "four"] for seen in both)
    print("as described: one event is told twice, the end once")


asyncio.run(main())
PY
env/bin/python finding.py
