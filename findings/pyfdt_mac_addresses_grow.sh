#!/usr/bin/env bash
# pyfdt (Python): each byte from 80 on is four bytes in the source that it writes, and a negative number in its JSON.
#
# Guess: a device tree blob that is written as source (to_dts) means the same: [b8 27 eb 00 00 01] are six bytes, the MAC address of
# a Raspberry Pi.
# Happens: bytes are kept with a sign and written as 32-bit numbers: [ffffffb8 27 ffffffeb 00 00 01]. dtc reads pairs of digits, so that the
# address is twelve bytes long; fdt, another reader, refuses it. In JSON b8 is "-48" (minus 0x48). Blob to blob is right, and so are
# values whose length is a multiple of four, which are shown as words: only some MAC addresses, EDIDs, keys and calibration data are hit.
# Hurts: who looks at a board's tree or changes one line of it as text: the network interface comes up with a random or a wrong address, and a
# node is known by another one.
# Way out: fdt 0.3.3 for the source; for one's own output byte & 0xff.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check pyfdt==0.3 fdt==0.3.3
env/bin/python - <<'PYTHON'
import io
import json
from importlib.metadata import version

import fdt
from pyfdt.pyfdt import FdtBlobParse

print("pyfdt", version("pyfdt"), "fdt", version("fdt"))
address = bytes.fromhex("b827eb000001")
tree = fdt.FDT()
tree.add_item(fdt.PropBytes("local-mac-address", data=address), "/ethernet")
tree.set_property("reg", [0xFE300000, 0x100], "/ethernet")
blob = tree.to_dtb(version=17)
parsed = FdtBlobParse(io.BytesIO(blob)).to_fdt()
lines = {line.split(" = ")[0].strip(): line.split(" = ")[1] for line in parsed.to_dts().splitlines() if " = " in line}
print("pyfdt:", lines, "| blob again the same:", parsed.to_dtb() == blob)
assert parsed.to_dtb() == blob
assert lines == {"local-mac-address": "[ffffffb8 27 ffffffeb 00 00 01];", "reg": "<0xfe300000 0x00000100>;"}
other = next(line.strip() for line in fdt.parse_dtb(blob).to_dts().splitlines() if "mac" in line)
print("fdt:", other)
assert other.lower() == "local-mac-address = [b8 27 eb 00 00 01];"

digits = "".join(lines["local-mac-address"].strip("[];").split())
print("as pairs of digits, which is how bytes are written in a source:", bytes.fromhex(digits).hex(" "))
assert len(bytes.fromhex(digits)) == 12
shown = json.loads(parsed.to_json())["ethernet"]["local-mac-address"]
print("in JSON:", shown)
assert shown == ["bytes", "-48", "27", "-15", "00", "00", "01"]
try:
    raise AssertionError(fdt.parse_dts(parsed.to_dts()))
except AssertionError as error:
    print("fdt of pyfdt's source:", error)
    assert "4294967224" in str(error)
print("as described: six bytes are twelve")
PYTHON
