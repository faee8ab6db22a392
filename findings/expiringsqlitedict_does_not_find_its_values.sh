#!/usr/bin/env bash
# expiringsqlitedict (Python): of the values that are in the dict, only texts are found by "in", and no item ever is.
#
# Guess: values() and items() are the views of a mapping: what a loop over them yields is in them.
# Happens: both ask first whether the object is a text. A number, a list or None is never "in values()", though the loop yields it; an
# item is a pair, so ("a", "text") is never "in items()". What is built on that follows: items() & {...} is empty. items() ==
# other.items() and keys() are right, as they do not ask so.
# Hurts: checks such as "is this height, or this pair of peer and score, there already?": always no, so it is stored and sent again.
# With texts for values, as in its examples, values() is right, and no error shows the rest.
# Way out: d.get(key) == value; any(...) over the view.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check expiringsqlitedict==7.0.5
cat >finding.py <<'PY'
from importlib.metadata import version

from expiringsqlitedict import ConnectionManager

print("expiringsqlitedict", version("expiringsqlitedict"))
stored = {"height": 5, "name": "node", "peers": [1, 2], "parent": None}
with ConnectionManager("state.db") as manager:
    with manager as state:
        for key, value in stored.items():
            state[key] = value
    with manager as state:
        assert dict(state.items()) == stored
        assert state.items() == stored.items()
        for key, value in stored.items():
            views = {
                "the key": key in state.keys(),
                "the value": value in state.values(),
                "the item": (key, value) in state.items(),
            }
            print(f"{key}: {value!r}, found by in:", views)
            assert value in list(state.values()) and (key, value) in list(state.items())
            assert list(views.values()) == [True, isinstance(value, str), False]
        assert state.items() & {("height", 5)} == set()
print("as described: what is no text is not there")
PY
env/bin/python finding.py
