#!/usr/bin/env bash
# pynostr (PyPI, Nostr): a filter that is read from JSON matches no event, or too many; contacts lose their relays.
#
# Guess: Filters.from_dict() is the opposite of to_dict(); { "kinds": [1] } matches notes, as Filters(kinds=[1]) does. A contact
# list that is read and updated keeps each contact's relay (NIP-02), and a profile that is only read stays as it was signed.
# Happens: without "ids" the filter gets ids of "", an empty text, which no event's id is in: it matches nothing, and to_dict() sends
# "ids": "" to relays, which is no list. With "ids" it matches them whatever the tags are: #e, #p and #t are lost in any case. A
# contact with key and relay but no name loses the relay, tags of other kinds go too. Metadata.to_dict() writes the content anew:
# an empty "about" is dropped, id and signature do not fit any more.
# Hurts: relays and tools that take filters from clients or files (FiltersList.from_json_array() is made of it): empty answers; users
# whose next list of contacts has no relay hints; tools that copy profiles to another relay, which refuses them.
# Way out: Filters(kinds=..., ...) and add_arbitrary_tag(); keep the event itself beside Metadata and ContactList.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check pynostr==0.7.0
cat >try.py <<'PY'
from importlib.metadata import version

from pynostr.contact_list import ContactList
from pynostr.event import Event
from pynostr.filters import Filters, FiltersList
from pynostr.key import PrivateKey
from pynostr.metadata import Metadata

print("pynostr", version("pynostr"))
secret = PrivateKey(bytes.fromhex("11" * 32))
author = secret.public_key.hex()


def sign(kind, content, *tags):
    event = Event(content=content, pubkey=author, kind=kind, tags=list(tags), created_at=100)
    event.sign(secret.hex())
    assert event.verify()
    return event


note = sign(1, "hello", ["t", "x"], ["p", author])
made = Filters(kinds=[1])
print("made:", made.to_dict(), "matches the note:", made.matches(note))
assert made.matches(note)
wanted = {"ids": [note.id], "#t": ["other"]}
cases = [({"kinds": [1]}, False), ({"authors": [author], "limit": 5}, False), ({"#p": [author]}, False), (wanted, True)]
for given, expected in cases:
    read = Filters.from_dict(given)
    short = {key: value if len(str(value)) < 30 else "..." for key, value in read.to_dict().items()}
    print(f"read from {sorted(given)}: {short}, matches the note: {read.matches(note)}")
    assert read.matches(note) is expected
    assert ("ids" in given) or read.to_dict()["ids"] == ""
    assert not any(key.startswith("#") for key in read.to_dict())
assert not FiltersList.from_json_array([{"kinds": [1]}, {"kinds": [7]}]).match(note)

friends = ["p", author, "wss:" + "//relay.example"], ["p", author, "wss:" + "//relay.example", "ann"], ["t", "friends"]
contacts = ContactList.from_event(sign(3, "", *friends))
contacts.update()
print("words in the tags of contacts, read:", [len(tag) for tag in friends], "updated:", [len(tag) for tag in contacts.tags])
assert [len(tag) for tag in contacts.tags] == [2, 4]

profile = sign(0, '{"name":"ann","about":""}')
metadata = Metadata.from_event(profile)
valid = metadata.verify()
again = Event.from_dict(metadata.to_dict())
print("profile:", profile.content, valid, "after to_dict():", again.content, again.verify())
assert valid and not again.verify()
print("as described: what was read matches nothing")
PY
env/bin/python try.py
