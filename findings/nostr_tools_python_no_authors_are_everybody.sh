#!/usr/bin/env bash
# nostr-tools (Python): a filter for the events of no author asks for those of everybody, and a stored filter cannot be read.
#
# Guess: Filter(authors=[...]) brings events of "any author in the list"; with an empty list none, as in nostr-tools of npm, of which
# relays and clients make the same use. Filter.from_dict() reads what to_dict() wrote: the page stores filters so.
# Happens: empty lists of ids, authors, kinds and tag values are left out, so that there is no condition at all: the events of whom a
# user follows, who follows nobody yet, are the whole relay's. from_dict() raises TypeError for each filter without
# tags, for to_dict() writes None for them. An event whose text holds \u0000, spelled out in six characters as in this line,
# is called invalid ("null characters"), and fetch_events() leaves it out without a word.
# Hurts: programs that collect: a list that happens to be empty fills the disk with strangers' events, or answers every mention.
# Way out: ask nothing if the list is empty; Filter(**{k: v ...}) without the None.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check nostr-tools==1.4.1
npm install --silent --no-audit --no-fund --ignore-scripts nostr-tools@2.25.2 >/dev/null
cat >try.py <<'PYTHON'
import importlib.metadata
import json

from nostr_tools import Event, Filter, generate_event, generate_keypair

print("nostr-tools (Python)", importlib.metadata.version("nostr-tools"))
secret, author = generate_keypair()
follows = []
asked = {
    "authors": Filter(authors=follows, kinds=[1]).subscription_filter,
    "ids": Filter(ids=[]).subscription_filter,
    "#p": Filter(kinds=[1], p=[]).subscription_filter,
}
print("asked for no authors, ids, mentions:", asked)
assert asked == {"authors": {"kinds": [1]}, "ids": {}, "#p": {"kinds": [1]}}
for made in (Filter(kinds=[1], limit=10), Filter(kinds=[1], t=["tea"])):
    try:
        print("read back:", Filter.from_dict(made.to_dict()).subscription_filter)
        assert made.tags
    except TypeError as error:
        print("read back:", error)
        assert made.tags is None

for text in ("a null is written \\0", "a null is written \\u0000"):
    event = generate_event(secret, author, 1, [], text)
    try:
        Event.from_dict(event)
        print(f"{text!r}: valid")
        assert text.endswith("\\0")
    except Exception as error:
        print(f"{text!r}: {error}")
        assert text.endswith("\\u0000")
        assert "\0" not in text
    json.dump(event, open(f"{len(text)}.json", "w"))
PYTHON
env/bin/python try.py
cat >try.mjs <<'JS'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { matchFilters, verifyEvent } from "nostr-tools";
for (const name of ["20.json", "24.json"]) {
    const event = JSON.parse(readFileSync(name));
    console.log("nostr-tools (npm):", verifyEvent(event), "- matches authors []:", matchFilters([{ kinds: [1], authors: [] }], event));
    assert.equal(verifyEvent(event), true);
    assert.equal(matchFilters([{ kinds: [1], authors: [] }], event), false);
}
console.log("as described: no authors are everybody");
JS
node try.mjs
