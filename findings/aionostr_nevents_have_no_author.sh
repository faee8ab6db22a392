#!/usr/bin/env bash
# aionostr (Python, Nostr): to_nip19("nevent", id, author=…, kind=…) is written without author and kind, and all events share their tags.
#
# Guess: NIP-19's nevent holds an event's id and, if they are given, relays, the author and the kind; to_nip19() takes all of them, and
# from_nip19() reads them, also from others. An event made without tags has none.
# Happens: author and kind are written for naddr alone, and only if the kind is not 0. Nothing is raised. Where the code of
# another client holds an entry of a later specification, which "must be ignored" (NIP-19), from_nip19() raises KeyError. And the
# list of tags that an Event has by default is one for all: a tag that is appended to one is on each other one, earlier and later.
# Hurts: readers who follow such a link: without the author their client does not know at whose relays to look, and finds nothing.
# Bots that make events and append tags: a reply carries the tags of those before.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check aionostr==0.20.0
env/bin/python - <<'PYTHON'
import importlib.metadata

from aionostr import bech32
from aionostr.event import Event
from aionostr.util import from_nip19, to_nip19

print("aionostr", importlib.metadata.version("aionostr"))
EVENT, AUTHOR, RELAY = "aa" * 32, "bb" * 32, "wss:" + "//relay.example"

link = to_nip19("nevent", EVENT, relays=[RELAY], author=AUTHOR, kind=1)
read = from_nip19(link)
print("nevent with relay, author and kind:", {name: read.get(name) for name in ("object", "relays", "author", "kind")})
assert read["object"] == EVENT and read["relays"] == [RELAY]
assert "author" not in read and "kind" not in read
address = from_nip19(to_nip19("naddr", "article", relays=[RELAY], author=AUTHOR, kind=30023))
print("naddr:", address)
assert (address["author"], address["kind"]) == (AUTHOR, 30023)
assert "kind" not in from_nip19(to_nip19("naddr", "", author=AUTHOR, kind=0))

newer = bytes([0, 32]) + bytes.fromhex(EVENT) + bytes([9, 1, 1])
try:
    from_nip19(bech32.bech32_encode("nevent", bech32.convertbits(newer, 8, 5), bech32.Encoding.BECH32))
    raise SystemExit("an entry of an unknown type is ignored")
except KeyError as error:
    print("an entry of type 9: KeyError", error)

first = Event(pubkey=AUTHOR, content="a reply")
first.tags.append(["e", EVENT])
second = Event(pubkey=AUTHOR, content="something else")
print("tags of a new event, after a tag was appended to another:", second.tags)
assert second.tags == [["e", EVENT]]
print("as described: the author is left out, and tags are shared")
PYTHON
