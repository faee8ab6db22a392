#!/usr/bin/env bash
# bitcaviar-plus (Python): a transaction with a witness is read as one without inputs that pays billions, and the rest of its block is skipped.
#
# Guess: deserialize_block() reads a block of the block files, and its page shows the loop to "deserialize entire blockchain": ids,
# inputs, outputs and amounts of all transactions.
# Happens: it does not know SegWit (BIP 144). The marker 00 is read as the number of inputs and the flag 01 as that of outputs; the amount
# is made of the number of inputs and the first bytes of the spent transaction's id: 5,063,812,098 bitcoin in the block below. The
# id is that of these bytes. No error is raised if the transaction is the block's last one; the file is left in the middle of the
# block, and the page's loop goes on from there in steps of four bytes, with an InvalidMagicBytes printed for each.
# Hurts: whoever counts coins or follows payments: that is nearly each block since August 2017, since a block with one such payment has a
# witness in its first transaction too. The example and all blocks before are right.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check bitcaviar-plus==0.0.2 python-bitcoinlib==0.12.2
env/bin/python - <<'PYTHON'
import importlib.metadata
import io
import struct

from bitcaviar_plus.block import deserialize_block
from bitcoin.core import CBlock, b2lx

print("bitcaviar-plus", importlib.metadata.version("bitcaviar-plus"), "python-bitcoinlib", importlib.metadata.version("python-bitcoinlib"))


def transaction(witness):
    signature = b"" if witness else b"\x01\x01"
    script = b"\x00\x14" + b"\x11" * 20
    made = struct.pack("<I", 2) + (b"\x00\x01" if witness else b"")
    made += b"\x01" + b"\x07" * 32 + struct.pack("<I", 0) + bytes([len(signature)]) + signature + b"\xff" * 4
    made += b"\x01" + struct.pack("<Q", 5000) + bytes([len(script)]) + script
    if witness:
        made += b"\x02" + b"\x47" + b"\x30" * 71 + b"\x21" + b"\x02" * 33
    return made + struct.pack("<I", 0)


def block(transactions):
    made = struct.pack("<I", 4) + b"\x01" * 32 + b"\x02" * 32 + struct.pack("<III", 1_700_000_000, 0x1D00FFFF, 1)
    made += bytes([len(transactions)]) + b"".join(transactions)
    return bytes.fromhex("f9beb4d9") + struct.pack("<I", len(made)) + made


for title, witnesses in [("no witness", [False, False]), ("the last one with a witness", [False, True])]:
    data = block([transaction(witness) for witness in witnesses])
    file = io.BytesIO(data)
    found = [(one["id"], int(one["input_count"], 16), int(one["outputs"][0]["value"], 16)) for one in deserialize_block(file)["transactions"]]
    right = [(b2lx(one.GetTxid()), len(one.vin), one.vout[0].nValue) for one in CBlock.deserialize(data[8:]).vtx]
    for one, other in zip(found, right):
        print(f"{title}: {one[0][:8]}..., {one[1]} input(s), {one[2]} satoshi; python-bitcoinlib: {other[0][:8]}..., {other[1]}, {other[2]}")
    print(f"{title}: read {file.tell()} of {len(data)} bytes")
    assert (found == right and file.tell() == len(data)) == (not any(witnesses))
assert found[1] == (found[1][0], 0, 0x0707070707070701) and right[1][1:] == (1, 5000) and found[1][0] != right[1][0]
assert file.tell() == len(data) - 165
print("as described: no inputs, and billions")
PYTHON
