#!/usr/bin/env bash
# nostr-relay (Python): the second that "until" names is left out, and the limit of the last filter holds for all.
#
# Guess: a relay of NIP-01: a filter matches where since <= created_at <= until; each filter has its own limit; limit 0 asks for new
# events only; of a replaceable event only the latest is returned.
# Happens: the store (SQLite, PostgreSQL) and the live subscriptions compare with created_at < until. Whoever reads backwards page by
# page, asking each time for what is not newer than one second before the oldest event he has, loses the events of that second,
# one or more a page. Of [20 notes, 1 profile] in one request 1 event comes in all; in the other order up to 20; limit 0
# gives everything. A relay list (kind 10002) that is older than the one held is stored, sent out and returned beside it.
# Hurts: clients that fill an archive or an index from such a relay: no error, no gap to see. They work against other relays.
# Way out: ask until one second later, and drop what one has; one filter a request.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check nostr-relay==1.14 aionostr==0.20.0 sqlalchemy==2.1.9 aiosqlite==0.22.1 pydantic==2.14.4 \
    falcon==4.4.0 coincurve==21.0.0 python-rapidjson==1.25
cat >try.py <<'PYTHON'
import asyncio
import importlib.metadata
import logging

from aionostr.event import Event
from nostr_relay.config import Config
from nostr_relay.storage import get_metadata
from nostr_relay.storage.db import DBStorage
from nostr_relay.util import ClientID

logging.disable(logging.CRITICAL)
print("nostr-relay", importlib.metadata.version("nostr-relay"), flush=True)
SECRET = "11" * 32
AUTHOR = "4f355bdcb7cc0af728ef3cceb9615d90684bb5b2ca5f859ab0f0b704075871aa"


def event(kind, created_at, content):
    made = Event(pubkey=AUTHOR, kind=kind, created_at=created_at, content=content, tags=[])
    made.sign(SECRET)
    return made.to_json_object()


async def main():
    client, other = ClientID("client"), ClientID("other")
    store = DBStorage({"sqlalchemy.url": "sqlite+aiosqlite:///events.sqlite3"})
    async with store:
        async with store.db.begin() as conn:
            await conn.run_sync(get_metadata().create_all)
        for second in range(1000, 1012):  # a note each second
            await store.add_event(event(1, second, f"note {second}"))

        async def ask(*filters):
            queue = asyncio.Queue()
            await store.subscribe(client, "sub", [dict(f) for f in filters], queue)
            found = []
            while (answer := (await queue.get())[1]) is not None:
                found.append(answer)
            await store.unsubscribe(client, "sub")
            return found

        notes = {"kinds": [1], "authors": [AUTHOR]}
        got = [e.created_at for e in await ask({**notes, "since": 1003, "until": 1005})]
        print("since 1003, until 1005:", got)
        assert got == [1004, 1003]
        got = [e.created_at for e in await ask({**notes, "since": 1005, "until": 1005})]
        print("since 1005, until 1005:", got)
        assert got == []

        seen, until = [], 2000
        while page := await ask({**notes, "until": until, "limit": 3}):
            seen += [e.created_at for e in page]
            until = page[-1].created_at - 1
        lost = sorted(set(range(1000, 1012)) - set(seen))
        print("read backwards in pages of 3:", seen, "never seen:", lost)
        assert lost == [1000, 1004, 1008]

        await store.add_event(event(0, 500, "profile"))
        profile = {"kinds": [0], "authors": [AUTHOR], "limit": 1}
        counts = [len(await ask({**notes, "limit": 20}, profile)), len(await ask(profile, {**notes, "limit": 20}))]
        print("20 notes and 1 profile:", counts[0], "event; 1 profile and 20 notes:", counts[1], "events")
        assert counts == [1, 13]
        count = len(await ask({**notes, "limit": 0}))
        print("limit 0:", count, "events")
        assert count == 12

        queue = asyncio.Queue()
        await store.subscribe(other, "live", [{"kinds": [10002]}], queue)
        await queue.get()
        await store.add_event(event(10002, 2000, "new"))
        await store.add_event(event(10002, 1000, "old"))
        live = [(await asyncio.wait_for(queue.get(), 10))[1].content for _ in range(2)]
        kept = [e.content for e in await ask({"kinds": [10002], "authors": [AUTHOR]})]
        print("relay lists sent out:", live, "returned:", kept)
        assert live == ["new", "old"] and kept == ["new", "old"]
        await store.unsubscribe(other, "live")
    print("as described: the second of until is left out")


asyncio.run(main())
PYTHON
timeout 60 env/bin/python try.py
