#!/usr/bin/env bash
# GraphBTC (Python): the operation behind OP_PUSHDATA is left out of a script, and block times are those of the machine's zone, called UTC.
#
# Guess: decipher_script() gives the operations of a script in order: data that is pushed with OP_PUSHDATA1 like data pushed by length. An
# output with OP_RETURN and 80 bytes is OP_RETURN. A block's time ends in "+00:00 (UTC)" and is that of UTC. "Regression tests that
# encapsulate all edge cases of the blockchain."
# Happens: behind the data of an OP_PUSHDATA one more byte is taken off. 4c02aabb ac is a push without OP_CHECKSIG; what follows is read
# from its second byte on. The lengths of OP_PUSHDATA2 are read with the larger byte first, so that three bytes are 768 and everything
# behind is data. OP_RETURN with 76 to 80 bytes, the usual size, is NONSTANDARD. The time is made by fromtimestamp() without a zone:
# the first block is of 18:15 in London, of 13:15 in New York and of 03:15 on the next day in Tokyo, each time "(UTC)".
# Hurts: graphs and statistics of the chain by script type and by day, for which it is made. Tests on a server in UTC pass.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check GraphBTC==1.1 base58==2.1.1 bech32==1.2.0 joblib==1.4.2 python-bitcoinlib==0.12.2
env/bin/python - <<'PYTHON'
import importlib.metadata
import io
import os
import struct
import time
from datetime import datetime, timezone

from bitcoin.core.script import CScript
from BitcoinPy.models.BlockHeader import BlockHeader
from BitcoinPy.models.TransactionOutput import TransactionOutput
from BitcoinPy.utils.block_util import decipher_script

print("GraphBTC", importlib.metadata.version("GraphBTC"), "python-bitcoinlib", importlib.metadata.version("python-bitcoinlib"))

for script, found in [
    ("02aabb" "ac", ["OP_PUSHBYTES_2", "aabb", "OP_CHECKSIG"]),
    ("4c02aabb" "ac", ["OP_PUSHDATA1", "02", "aabb"]),
    ("4d0300aabbcc" "ac", ["OP_PUSHDATA2", "0300", "aabbccac"]),
    ("4c02aabb" "0251ac" "87", ["OP_PUSHDATA1", "02", "aabb", "OP_1", "OP_CHECKSIG", "OP_EQUAL"]),
]:
    made = decipher_script(bytes.fromhex(script))
    print(f"{script}: {made}; python-bitcoinlib: {[part.hex() if isinstance(part, bytes) else repr(part) for part in CScript.fromhex(script)]}")
    assert made == found

for size, kind in ((11, "OP_RETURN"), (75, "OP_RETURN"), (76, "NONSTANDARD"), (80, "NONSTANDARD")):
    push = bytes([size]) if size < 76 else b"\x4c" + bytes([size])
    script = b"\x6a" + push + b"A" * size
    output = TransactionOutput(io.BytesIO(struct.pack("<Q", 0) + bytes([len(script)]) + script))
    print(f"OP_RETURN and {size} bytes: {output.script_type}")
    assert output.script_type == kind

first = struct.pack("<I", 1) + bytes(64) + struct.pack("<III", 1231006505, 0x1D00FFFF, 2083236893)
for zone, hour in (("Europe/London", "2009-01-03 18:15:05"), ("America/New_York", "2009-01-03 13:15:05"), ("Asia/Tokyo", "2009-01-04 03:15:05")):
    # rules of each zone in January, so that no zone files are needed
    os.environ["TZ"] = {"Europe/London": "GMT0", "America/New_York": "EST5", "Asia/Tokyo": "JST-9"}[zone]
    time.tzset()
    made = BlockHeader(io.BytesIO(first)).get_object_dict()["timestamp"]
    print(f"first block in {zone}: {made} (right: {datetime.fromtimestamp(1231006505, timezone.utc)})")
    assert made == f"{hour}.000000+00:00 (UTC)"
print("as described: operations vanish, and UTC is the zone of the machine")
PYTHON
