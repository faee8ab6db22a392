#!/usr/bin/env bash
# bolt11 (Python): the taproot address of an invoice's fallback is shown with a checksum that wallets refuse.
#
# Guess: Fallback.address is the address on the chain that the payee put into the invoice, and from_address() takes such an address. A
# route of five hops has five.
# Happens: all witness versions are written in bech32, but from version 1 on addresses are in bech32m (BIP 350): what is shown differs
# in its last six letters. from_address() of a right one raises "Invalid character '0'", since it is then read in base 58.
# Of routes with five hops, and any multiple of five, the last hop is missing, as its bits end with the field; base fees
# from 2^31 on are negative. And with bitstring 5.0, which pip chooses today, nothing can be imported.
# Hurts: wallets that offer to pay on the chain if no route is found: the address that they show is invalid to others. Invoices to old
# addresses (bc1q, 1, 3) and shorter routes are right, so tests pass.
# Way out: fallback.data, encoded in bech32m; bitstring 4.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check \
    bolt11==2.2.0 bitstring==4.3.1 bech32m==1.0.0 bech32==1.2.0 base58==2.1.1 coincurve==21.0.0
cat >finding.py <<'PY'
from importlib.metadata import version

import bech32m
from bitstring import Bits, pack
from bolt11 import Bolt11, decode, encode
from bolt11.models.fallback import Fallback
from bolt11.models.routehint import Route, RouteHint
from bolt11.models.tags import TagChar, Tags

print("bolt11", version("bolt11"))


def invoice(kind, data):
    tags = Tags()
    tags.add(TagChar.payment_hash, "01" * 32)
    tags.add(TagChar.payment_secret, "02" * 32)
    tags.add(TagChar.description, "coffee")
    tags.add(kind, data)
    return decode(encode(Bolt11(currency="bc", date=1700000000, tags=tags), "03" * 32))


def valid(address):
    try:
        return bech32m.decode("bc", address) not in (None, (None, None))
    except Exception:
        return False


for witness, program in ((0, bytes(range(20))), (1, bytes(range(32)))):
    data = pack("uint:5", witness) + Bits(program)
    address = invoice(TagChar.fallback, Fallback(data=data, currency="bc")).fallback.address
    right = bech32m.encode("bc", witness, program)
    print(f"version {witness}: {address} is valid: {valid(address)}; right is {right}, valid: {valid(right)}")
    assert valid(right)
    assert (address == right) == (witness == 0) and valid(address) == (witness == 0)
    assert address[:-6] == right[:-6]
    try:
        Fallback.from_address(right, "bc")
        assert witness == 0
    except ValueError as error:
        print("from_address() raises", repr(error))
        assert witness == 1

read = {}
for hops in range(1, 11):
    route = RouteHint([Route("02" * 33, f"700000x{hop}x1", 1, 2, 3) for hop in range(hops)])
    read[hops] = len(invoice(TagChar.route_hint, route).route_hints[0].routes)
print("hops written and read:", read)
assert read == {hops: hops - (hops % 5 == 0) for hops in range(1, 11)}
fee = RouteHint([Route("02" * 33, "700000x1x1", 3000000000, 2, 3)])
assert invoice(TagChar.route_hint, fee).route_hints[0].routes[0].base_fee == 3000000000 - 2**32
print("as described: bech32, four hops, and a negative fee")
PY
env/bin/python finding.py
