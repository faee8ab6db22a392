#!/usr/bin/env bash
# mmdb-writer (Python): true becomes 1, 1.0 becomes 1 and an empty list becomes an empty map, if the equal value was written before.
#
# Guess: a MaxMind database has types of its own for booleans, unsigned integers, doubles, arrays and maps. A value is written with the
# type it was given with, and what is stored only once (to save room) is stored once for each type.
# Happens: what was written already is looked up in a Python dictionary, where True == 1 == 1.0, and where [] and {} are both the empty
# tuple. The first of the equals that is written decides for all later ones of the file: after one {"hops": 1}, each {"tor": True} holds
# the 16-bit integer 1, each {"lat": 1.0} too, after one {"names": {}} each {"ports": []} holds a map. In the other order, counts become true.
# Hurts: databases of one's own about peers' networks (flags, scores, ports): readers with types (Rust, Go, Java, C) refuse the record or
# leave the field out, but only in files where some other network has the equal value, so that a test with a few networks passes.
# Way out: one type for a value throughout the file (flags as 0 and 1), no empty lists or maps; or TreeWriter with an encoder of one's own
# whose cache knows types.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check mmdb-writer==0.2.7 netaddr==1.3.0 maxminddb==3.2.0
env/bin/python - <<'PYTHON'
from importlib.metadata import version

import maxminddb
from mmdb_writer import MMDBWriter
from netaddr import IPSet

print("mmdb-writer", version("mmdb-writer"), "maxminddb", version("maxminddb"))


def through_a_file(*records):
    """What a reader finds for each record, when they are written to one file in this order."""
    writer = MMDBWriter(ip_version=4, database_type="Peers", languages=["en"], description="Peers")
    for index, record in enumerate(records):
        writer.insert_network(IPSet([f"10.0.{index}.0/24"]), record)
    writer.to_db_file("peers.mmdb")
    with maxminddb.open_database("peers.mmdb", maxminddb.MODE_MEMORY) as reader:
        return [reader.get(f"10.0.{index}.1") for index in range(len(records))]


def with_types(records):
    return [{key: (value, type(value).__name__) for key, value in record.items()} for record in records]


flag, place, lists = {"tor": True, "vpn": False}, {"lat": 1.0, "lon": 0.0}, {"ports": []}
for record in (flag, place, lists):
    found = through_a_file(record)
    print(f"{record} in a file of its own: {found[0]}")
    assert with_types(found) == with_types([record])
counts, names = {"hops": 1, "loss": 0}, {"names": {}}
found = through_a_file(counts, names, flag, place, lists)
print(f"after {counts} and {names}:", *found[2:])
assert with_types(found[2:]) == with_types([{"tor": 1, "vpn": 0}, {"lat": 1, "lon": 0}, {"ports": {}}])
found = through_a_file(flag, counts)
print(f"after {flag}: {found[1]}")
assert with_types(found[1:]) == with_types([{"hops": True, "loss": False}])
print("as described: the first of the equals gives all others its type")
PYTHON
