#!/usr/bin/env bash
# sqlitesearch (Python): a search for "3" finds the third document first, which says nothing of 3.
#
# Guess: documents are found by what their text fields say, and boost_dict={"title": 10} ranks a word in the title above the same in
# a note. The id_field may be "id", as in the example of the class.
# Happens: the number of a document's row is a column of the full-text index like the others: "3" is a word of the third document, and
# as that word is rare there, it ranks above a document whose text has a 3. Boosts have no effect, except that one of 0
# leaves the field out: with any other the order is the same. With id_field="id" the index cannot be made: "duplicate column name".
# Hurts: searches for amounts, years, block heights: among the first hits is a document that has nothing to do with it, another one
# each time the table is filled in another order. Searches for words show nothing.
# Way out: boost_dict={"title": 1} keeps the query within the text fields.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check sqlitesearch==0.3.0
cat >finding.py <<'PY'
import sqlite3
from importlib.metadata import version

from sqlitesearch.text import TextSearchIndex

print("sqlitesearch", version("sqlitesearch"))
texts = [
    ("rent", "for May"), ("coffee", "two cups"), ("invoice", "paid late"), ("gift", "from 3 friends"),
    ("fee", "network"), ("apple", "pear"), ("pear", "apple"),
]
index = TextSearchIndex(text_fields=["title", "note"], db_path="notes.db")
index.fit([{"title": title, "note": note} for title, note in texts])


def titles(query, **options):
    found = [document["title"] for document in index.search(query, **options)]
    print(f"{query!r} {options or ''} finds {found}")
    return found


assert titles("rent") == ["rent"]
assert titles("3") == ["invoice", "gift"]
assert titles("5") == ["fee"]
assert titles("3", boost_dict={"title": 1}) == ["gift"]
orders = [titles("pear", boost_dict=boosts) for boosts in ({"title": 10, "note": 1}, {"title": 1, "note": 10})]
assert orders[0] == orders[1] and len(orders[0]) == 2
try:
    TextSearchIndex(text_fields=["title"], id_field="id", db_path="other.db")
    raise AssertionError("it was made")
except sqlite3.OperationalError as error:
    print('id_field="id":', error)
    assert "duplicate column name" in str(error)
print("as described: row numbers are words")
PY
env/bin/python finding.py
