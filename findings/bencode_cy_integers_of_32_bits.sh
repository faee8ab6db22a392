#!/usr/bin/env bash
# bencode.cy (Python) reads each integer beyond 2 GiB as another one: 4294967296 is 0.
#
# Guess: BEP 3 says that integers have no limit of size, and Python's have none either. What does not fit is an error at least.
# Happens: bencode() writes any integer rightly, and bdecode() keeps the lowest 32 bits with a sign: i2147483648e is
# -2147483648, i4294967295e is -1, a file of 4.7 GB has a length of 405 MB, and 2^63 is 0. No error is raised. fastbencode
# and flatbencode are right.
# Hurts: whoever reads torrents with large files, byte counters, sequence numbers (BEP 44) or milliseconds; what is read and
# written again has another info hash and another signature. Tests with small numbers pass.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check bencode.cy==1.2.2 fastbencode==0.3.12 flatbencode==0.2.1
env/bin/python - <<'PYTHON'
import importlib.metadata
import bencode, fastbencode, flatbencode

for name in ("bencode.cy", "fastbencode", "flatbencode"):
    print(name, importlib.metadata.version(name))

wrong = {
    2**31: -(2**31), 2**32 - 1: -1, 2**32: 0, -(2**31) - 1: 2**31 - 1,
    4700372992: 405405696, 1795996800000: 700470272, 2**63: 0,
}
for number in (0, -1, 2**31 - 1, -(2**31), *wrong):
    written = b"d6:lengthi%dee" % number
    assert bencode.bencode({b"length": number}) == written
    got = bencode.bdecode(written)[b"length"]
    print(f"{number}: bencode.cy {got}")
    assert got == wrong.get(number, number)
    assert fastbencode.bdecode(written)[b"length"] == flatbencode.decode(written)[b"length"] == number
print("as described: 32 bits are left")
PYTHON
