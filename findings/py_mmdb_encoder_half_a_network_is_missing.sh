#!/usr/bin/env bash
# py-mmdb-encoder (Python): a wide network put in after a narrow one leaves out half of itself, if the narrow one lies in that half.
#
# Guess: with strict=False networks may overlap, in any order: an address has the data of the narrowest network that holds it, as in the
# databases that MaxMind makes. Texts are counted in bytes, as the format says.
# Happens: that holds if the wide network comes first, or if the narrow one is the very beginning of it. Else, the wide one is halved until the
# narrow one lies in the upper half, and the rest of that half stays empty: after 10.255.255.0/24 and then 10.0.0.0/8, half of all
# addresses of 10/8 (10.128.0.0 to 10.255.254.255) are not found. Nothing is raised. A text is written with its count of
# characters as its length: after one "ü" what follows is read a byte too early, and a reader says that the file is corrupt.
# Hurts: country and AS tables of nodes made from lists that are sorted otherwise than from wide to narrow: half of a network has no
# country, so that limits by network ("two peers of one AS") treat these peers as unknown, and no test with the first addresses shows it.
# Way out: sort by prefix length before putting networks in; write texts in ASCII.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check py-mmdb-encoder==1.0.4 maxminddb==3.2.0
env/bin/python - <<'PYTHON'
from importlib.metadata import version
from ipaddress import ip_address, ip_network

import maxminddb
from mmdbencoder import Encoder

print("py-mmdb-encoder", version("py-mmdb-encoder"), "maxminddb", version("maxminddb"))


def reader(networks):
    encoder = Encoder(4, 24, "Peers", ["en"], {"en": "Peers"})
    for network, name in networks:
        encoder.insert_network(network, encoder.insert_data({"name": name, "next": "end"}), strict=False)
    encoder.write_file("peers.mmdb")
    return maxminddb.open_database("peers.mmdb", maxminddb.MODE_MEMORY)


def narrowest(networks, address):
    holding = [(ip_network(network).prefixlen, name) for network, name in networks if ip_address(address) in ip_network(network)]
    return max(holding)[1]


addresses = ["10.0.0.1", "10.0.1.1", "10.127.255.1", "10.128.0.1", "10.200.0.1", "10.255.254.1", "10.255.255.1"]
first, upper, wide = ("10.0.0.0/24", "narrow"), ("10.255.255.0/24", "narrow"), ("10.0.0.0/8", "wide")
for networks in ([wide, first], [first, wide], [wide, upper], [upper, wide]):
    with reader(networks) as database:
        found = [(database.get(address) or {"name": None})["name"] for address in addresses]
    expected = [narrowest(networks, address) for address in addresses]
    print(*(network for network, _ in networks), "found:", found, "expected:", expected)
    if networks == [upper, wide]:
        assert found == ["wide", "wide", "wide", None, None, None, "narrow"]
        assert expected == ["wide"] * 6 + ["narrow"]
    else:
        assert found == expected

with reader([("10.0.0.0/8", "Munich")]) as database:
    assert database.get("10.0.0.1") == {"name": "Munich", "next": "end"}
with reader([("10.0.0.0/8", "München")]) as database:
    try:
        raise AssertionError(database.get("10.0.0.1"))
    except maxminddb.InvalidDatabaseError as error:
        print("Munich comes back, München does not:", error)
print("as described: the other part of the upper half is missing")
PYTHON
