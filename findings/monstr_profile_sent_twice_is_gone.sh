#!/usr/bin/env bash
# monstr (PyPI, Nostr): a profile that reaches the relay's memory store twice is gone, and an older one replaces a newer.
#
# Guess: of a replaceable event the store keeps the newest, whatever comes when and how often (NIP-01). since and until are inclusive,
# values of tags are compared exactly, and each filter has its own limit. Memory and SQLite stores answer alike.
# Happens, in memory: whatever comes last replaces what is there, also if it is older; and the same event once more first overwrites
# itself and is then removed as its own predecessor. Nothing is left. Event.test(), also used for what the relay sends live, leaves out
# events of the very second of since and of until. In SQLite: the newest stays and the seconds belong, but values of tags are compared
# without case, so that "d" A finds a too, and an empty list of authors is everybody. Both cut to the largest limit of all filters.
# Hurts: relays and tests on the memory store, where clients send profiles and contact lists to several relays and relays to
# one another, so that each comes more than once: users without a profile, or with the one of last year.
# Way out: the SQLite store, and comparing events with each filter once more.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check monstr==0.1.9
cat >try.py <<'PY'
from importlib.metadata import version

from monstr.encrypt import Keys
from monstr.event.event import Event
from monstr.event.persist_memory import RelayMemoryEventStore
from monstr.event.persist_sqlite import RelaySQLiteEventStore

print("monstr", version("monstr"))
keys = Keys(priv_k="1" * 64)


def sign(kind, created_at, content, tags=()):
    event = Event(kind=kind, content=content, tags=list(tags), pub_key=keys.public_key_hex(), created_at=created_at)
    event.sign(keys.private_key_hex())
    assert event.is_valid()
    return event


files = 0


def answers(filters, *events):
    """What each store answers when the events come in this order."""
    global files
    files += 1
    sqlite = RelaySQLiteEventStore(f"store{files}.db")
    sqlite.create()
    result = []
    for store in (RelayMemoryEventStore(), sqlite):
        for event in events:
            store.add_event(event)
        result.append(" ".join(found["content"] for found in store.get_filter(filters)) or "nothing")
    return result


def check(title, got, memory, sqlite):
    print(f"{title}: in memory {got[0]}; in SQLite {got[1]}")
    assert got == [memory, sqlite]


old, new = sign(0, 100, "old"), sign(0, 250, "new")
check("profiles old, new", answers({"kinds": [0]}, old, new), "new", "new")
check("profiles new, old", answers({"kinds": [0]}, new, old), "old", "new")
check("the same profile twice", answers({"kinds": [0]}, new, new), "nothing", "new")

notes = [sign(1, second, str(second)) for second in (100, 150, 200)]
check("since 100 until 200", answers({"since": 100, "until": 200}, *notes), "150", "200 150 100")
check("no authors", answers({"authors": []}, *notes), "nothing", "200 150 100")
mixed = [{"kinds": [1], "limit": 1}, {"kinds": [0], "limit": 4}]
check("one note, up to four profiles", answers(mixed, *notes, new), "new 200 150 100", "new 200 150 100")

articles = [sign(30023, 100, "capital", [["d", "A"]]), sign(30023, 101, "small", [["d", "a"]])]
check('"d" A', answers({"#d": ["A"]}, *articles), "capital", "small capital")
print("as described: the store in memory loses what comes twice")
PY
env/bin/python try.py
