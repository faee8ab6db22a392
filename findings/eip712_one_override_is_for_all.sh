#!/usr/bin/env bash
# eip712 (Python, of Ape): another chain given for one message is from then on the chain of all messages of the class.
#
# Guess: a class has its default domain, and Msg(..., eip712_chainId=10) overrides a part of it for this one message; the page shows
# Msg.eip712_domain and an overriding message side by side, and the source says that the class's variable is not touched.
# Happens: the message's domain is the class's own object, and the override is written into it. Later messages that name no chain are
# hashed for chain 10, and so are earlier ones that were made but not yet signed. Nothing is raised or logged.
# Hurts: services that sign for several chains or contracts with one class: from the first exception on, permits and orders are signed
# for a chain or contract that nobody named: refused by the one that was meant. It depends on the order of requests, so tests of
# one message see nothing.
# Way out: always give a whole domain of its own to a subclass, or in a class without a default give eip712_domain= each time.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check eip712==0.3.3 eth-account==0.13.7 eth-pydantic-types==0.2.7 pydantic==2.14.4 \
    pycryptodome==3.24.1
cat >try.py <<'PYTHON'
import importlib.metadata

from eip712 import EIP712Domain, EIP712Message, hash_message
from eth_pydantic_types import abi

print("eip712", importlib.metadata.version("eip712"))


class Order(EIP712Message):
    eip712_domain = EIP712Domain(name="shop", chainId=1)
    amount: abi.uint256


def chain(message):
    return message.signable_message.header.hex()[:8], message._eip712_domain_.chainId


first = Order(amount=5)
before = chain(first), hash_message(first)
print("made with no chain:      ", *before[0])
assert before[0][1] == 1
other = Order(amount=5, eip712_chainId=10)
print("made for chain 10:       ", *chain(other))
later = Order(amount=5)
print("made later with no chain:", *chain(later))
print("the first one again:     ", *chain(first))
print("the class's default:     ", Order.eip712_domain.chainId)
assert chain(other)[1] == chain(later)[1] == chain(first)[1] == Order.eip712_domain.chainId == 10
assert hash_message(first) == hash_message(later) == hash_message(other) != before[1]
print("as described: one override is for all")
PYTHON
env/bin/python try.py
