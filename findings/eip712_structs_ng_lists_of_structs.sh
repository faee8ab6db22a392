#!/usr/bin/env bash
# eip712-structs-ng (Python): a message that holds a list of structs has another hash than in ethers and eth-account.
#
# Guess: Array(MyStruct) is among the package's own examples. EIP-712 encodes a struct, wherever it stands, as its hash
# (typeHash and members), and a list as the hash of its members' encodings.
# Happens: members of a list that are structs are put in unhashed and without their type, so the hash to be signed is another one. A
# struct that stands alone, and lists of numbers, texts and lists, are right. from_message() cannot read what to_message() wrote
# for such a list: its members stay dictionaries.
# Hurts: orders, batches and votes with a list: wallets show the message and sign another hash; contracts and servers refuse what was
# signed here, while signing and checking with the package agree. eip712-structs, from which it descends, does the same.
# Way out: eth_account.messages.encode_typed_data(full_message=message.to_message(domain)).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check eip712-structs-ng==3.0.0 eth-account==0.13.7 pycryptodome==3.24.1
cat >try.py <<'PYTHON'
import importlib.metadata

from eip712_structs import Array, EIP712Struct, String, Uint, make_domain
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

print("eip712-structs-ng", importlib.metadata.version("eip712-structs-ng"))


class Order(EIP712Struct):
    item = String()
    amount = Uint(256)


class Single(EIP712Struct):
    order = Order


class Batch(EIP712Struct):
    orders = Array(Order)


class Numbers(EIP712Struct):
    rows = Array(Array(Uint(8)))
    names = Array(String())


domain = make_domain(name="shop", version="1", chainId=1)
orders = [Order(item="tea", amount=1), Order(item="coffee", amount=2)]
for message, same in (
    (Single(order=orders[0]), True),
    (Numbers(rows=[[1, 2], [3]], names=["tea", "coffee"]), True),
    (Batch(orders=orders), False),
    (Batch(orders=orders[:1]), False),
):
    mine = keccak(message.signable_bytes(domain))
    whole = encode_typed_data(full_message=message.to_message(domain))
    theirs = keccak(b"\x19\x01" + whole.header + whole.body)
    print(f"{message.encode_type()}: {mine.hex()[:16]}..., eth-account {theirs.hex()[:16]}...", "" if mine == theirs else "other")
    assert (mine == theirs) is same

written = Batch(orders=orders).to_message(domain)
back = EIP712Struct.from_message(written)
try:
    back.message.hash_struct()
    raise SystemExit("read back")
except AttributeError as error:
    print("from_message(to_message()):", error)


# What EIP-712 says, in this case: the hash of the hashes of the members.
right = keccak(b"".join([Batch.type_hash(), keccak(b"".join(order.hash_struct() for order in orders))]))
whole = encode_typed_data(full_message=written)
assert right == whole.body != Batch(orders=orders).hash_struct()
print("as described: members of lists are not hashed")
PYTHON
env/bin/python try.py
