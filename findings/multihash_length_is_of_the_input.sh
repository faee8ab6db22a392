#!/usr/bin/env bash
# multihash (Python, the package of that name): the length byte is the length of the text that was hashed, not of the hash.
#
# Guess: encode(data, SHA2_256) hashes the data and puts the code and the length of the hash in front: 12 20 and 32 bytes. decode() takes
# that off again, and so does each other library: it is the one thing that a multihash is.
# Happens: the second byte is len(data). For "hello" it is 5 before a hash of 32 bytes. The package's own decode() refuses the result,
# with "Inconsistent length (32 != 5)", unless the data was by chance as long as the hash (as a hash of a hash is). Data of more than 127
# bytes is not hashed at all: "Multihash does not support digest length > 127".
# Hurts: content addresses: what others receive is not a multihash, the same bytes have another address elsewhere, and a first test with
# a key or a hash of 32 bytes passes. Its doctests show the wrong byte as expected.
# Way out: pymultihash, py-multihash or multiformats; below the second one.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m pip --version >/dev/null 2>&1 || { python3 -m venv env && PATH=$dir/env/bin:$PATH; }
install() { python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --no-compile --target "$@"; }
install one multihash==0.1.1 six==1.17.0
install two pymultihash==0.8.2
cat >other.py <<'PYTHON'
import sys
import multihash
for text in sys.argv[1:]:
    print(multihash.digest(text.encode(), "sha2-256").encode().hex())
PYTHON
cat >finding.py <<'PYTHON'
import hashlib
import importlib.metadata
import subprocess
import sys

import multihash

print("multihash", importlib.metadata.version("multihash"))
texts = ["hello", "a peer's public key", "a" * 31, "a" * 32, "a" * 33]
other = subprocess.run([sys.executable, "other.py", *texts], capture_output=True, text=True, check=True, env={"PYTHONPATH": "two"})
others = other.stdout.split()
for text, other in zip(texts, others):
    made = bytes(multihash.encode(text.encode(), multihash.SHA2_256))
    hashed = hashlib.sha256(text.encode()).digest()
    assert other == "1220" + hashed.hex() and made == bytes([0x12, len(text)]) + hashed
    try:
        read = multihash.decode(made) == hashed
    except ValueError as error:
        read = error
    print(f"{len(text)} bytes: {made.hex()[:8]}..., pymultihash: {other[:8]}...; read back: {read!r}")
    assert (read is True) == (len(text) == 32)
    assert multihash.decode(bytes.fromhex(other)) == hashed, "a right one is read"
try:
    multihash.encode(b"a" * 128, multihash.SHA2_256)
    raise SystemExit("hashed")
except ValueError as error:
    print("128 bytes:", error)
print("as described: the length is that of the input")
PYTHON
PYTHONPATH=one python3 finding.py
