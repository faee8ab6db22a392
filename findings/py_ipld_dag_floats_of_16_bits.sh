#!/usr/bin/env bash
# py-ipld-dag (Python): 1.5 is written as a float of 16 bits, which other readers of DAG-CBOR refuse; names get other CIDs.
#
# Guess: "deterministic" codecs of IPLD: a value has the same bytes, and so the same CID, as with every other library. DAG-CBOR wants all
# floats in 64 bits, DAG-JSON plain UTF-8 and CIDs in base32, DAG-PB links sorted by name (the package's own text says so).
# Happens: DAG-CBOR floats take the shortest form that holds them: 1.5, 0.0 and every whole one below 2049 are three bytes. dag-cbor
# and libipld cannot read such a block; they give {"x": 1.5} another CID. Fractions such as 1/3 need 64 bits and are right, so tests
# may see nothing. DAG-JSON writes "Zoë" with an escape, and links in base58: other bytes, other CIDs. DAG-PB links stay in the
# order given, which @ipld/dag-pb refuses to write.
# Hurts: who publishes such blocks: peers cannot decode them, and content that exists is not found under the CID that is computed.
# Way out: dag-cbor or libipld for DAG-CBOR; sort links first.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check py-ipld-dag==0.2.1 cbor2==6.3.0 py-cid==0.5.0 py-multihash==3.0.0 \
    dag-cbor==0.3.3 libipld==3.5.0
env/bin/python - <<'PYTHON'
import importlib.metadata
import json

import dag_cbor as other
import libipld
from dag.block import Block
from dag.codecs import dag_cbor, dag_json, dag_pb

for name in ("py-ipld-dag", "dag-cbor", "libipld"):
    print(name, importlib.metadata.version(name))


def refused(read, data):
    try:
        read(data)
    except Exception as error:
        return str(error).splitlines()[-1].strip()[:90]
    return None


for value in ({"x": 1.5}, {"x": 0.0}, {"x": 20.0}):
    mine, theirs = dag_cbor.encode(value), other.encode(value)
    assert theirs == libipld.encode_dag_cbor(value) and len(theirs) == 12
    print(f"{value}: {mine.hex()} instead of {theirs.hex()}")
    assert mine.hex().startswith("a16178f9") and len(mine) == 6
    why = refused(other.decode, mine), refused(libipld.decode_dag_cbor, mine)
    print("  dag-cbor:", why[0], "| libipld:", why[1])
    assert all(why)
    assert Block.encode(value=value, codec=dag_cbor.codec).bytes == mine
for value in ({"x": 1 / 3}, {"name": "Zoë", "n": -5, "deep": [None, True, b"\x00"]}):
    assert dag_cbor.encode(value) == other.encode(value) == libipld.encode_dag_cbor(value)
print("1/3, texts, integers and bytes are as the others write them")

text = dag_json.encode({"name": "Zoë"})
print("DAG-JSON:", text, "instead of", json.dumps({"name": "Zoë"}, ensure_ascii=False, separators=(",", ":")).encode())
assert text == b'{"name":"Zo\\u00eb"}'
cid = Block.encode(value={"a": 1}, codec=dag_cbor.codec).cid
link = dag_json.encode({"link": cid})
print("a link in DAG-JSON:", link)
assert link.startswith(b'{"link":{"/":"z') and cid.buffer[:2] == b"\x01\x71"
node = dag_pb.encode({"Links": [{"Hash": cid, "Name": n, "Tsize": 1} for n in ("b", "a")], "Data": b""})
print("DAG-PB links:", [entry["Name"] for entry in dag_pb.decode(node)["Links"]])
assert node.index(b"\x12\x01b") < node.index(b"\x12\x01a")
print("as described: blocks that others refuse")
PYTHON
