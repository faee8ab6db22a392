#!/usr/bin/env bash
# uvarint (Python): a number whose last byte has not arrived yet is read as a larger one, without an error.
#
# Guess: a byte with its highest bit set says that another one follows. If none does, decode() raises; and the documentation of
# expect() and cut() promises ValueError "should the buffer not contain the expected amount of uvarints".
# Happens: the last byte that is there counts twice, as a middle one and as the last. 300 is AC 02, and AC alone is 22,060;
# of 16,384 the first byte alone is 16,384 already, and the first two are 2,097,152; expect(2, 01 80) is [1, 16384]. Only an
# empty buffer raises. multiformats, for the same format, raises.
# Hurts: readers of a stream that try after each packet whether the length is there: if the packet ends within it, they wait
# for a message of another size, and all that follows is out of step.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check uvarint==1.2.0 multiformats==0.3.1.post4
env/bin/python - <<'PYTHON'
import importlib.metadata
import uvarint
from multiformats import varint

for name in ("uvarint", "multiformats"):
    print(name, importlib.metadata.version(name))

for number in (300, 16_384, 1_000_000, 2**40 + 5):
    whole = uvarint.encode(number)
    assert uvarint.decode(whole) == (number, len(whole)) and varint.encode(number) == whole
    for length in range(1, len(whole)):
        part = whole[:length]
        read = uvarint.decode(part)
        try:
            other = varint.decode(part)
        except ValueError as error:
            other = type(error).__name__
        print(f"{number} is {whole.hex(' ')}; {part.hex(' ')} is {read.integer} in {read.bytes_read} bytes; multiformats: {other}")
        assert read.integer >= 2 ** (7 * length) and read.bytes_read == length and other == "ValueError"

two = uvarint.encode(1) + uvarint.encode(16_384)[:1]
print("two numbers expected in", two.hex(" "), "are", uvarint.expect(2, two).integers, "and", uvarint.cut(2, two))
assert uvarint.decode(b"\xac").integer == 22_060 and uvarint.decode(b"\x80\x80").integer == 2_097_152
assert uvarint.expect(2, two) == ([1, 16_384], 2) and uvarint.cut(2, two) == ([1, 16_384], b"")
print("as described: half a number is a number")
PYTHON
