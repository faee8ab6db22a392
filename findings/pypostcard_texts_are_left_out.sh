#!/usr/bin/env bash
# pypostcard (Python): a text in a message is left out, and the u16 -300 is 84.
#
# Guess: "Python implementation of the postcard serialization format", as Rust's crate has it: a text is its length and its bytes, an
# integer has the range of its type. What the package cannot write it refuses. u8(300) raises, so u16(70000) does, too.
# Happens: a field whose type it does not know, such as str or bytes, writes nothing: a line on standard error ("Unsupported type") is
# all, and the fields behind it move up. from_postcard() of it then lacks an argument. None is left out in the same way, without
# a line. u16(70000) takes three bytes, which Rust's reader refuses, and of negative ones in unsigned types the
# lowest seven bits are written. Booleans, floats and integers in their range are right.
# Hurts: programs that talk to a device or node in Rust: what comes there is read as other fields or not at all, and the sender was told
# nothing that its code could see.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check pypostcard==0.1.1 pyserde==0.34.0
env/bin/python - <<'PYTHON'
import importlib.metadata
from typing import Optional

from pypostcard.serde import from_postcard, serde, to_postcard
from pypostcard.types import i32, u8, u16

print("pypostcard", importlib.metadata.version("pypostcard"))


@serde
class Number:
    number: u16
    other: i32
    flag: bool


@serde
class Payment:
    number: u16
    memo: str
    amount: u16


@serde
class Byte:
    value: u8


@serde
class Maybe:
    number: u16
    limit: Optional[u8]


right = to_postcard(Number(u16(300), i32(-65), True))
read = from_postcard(Number, right)
assert right.hex() == "ac02" "8101" "01" and (read.number, read.other, read.flag) == (300, -65, True)

payment = to_postcard(Payment(u16(1), "Anna", u16(2)))
print("Payment(1, 'Anna', 2):", payment.hex(" "), "(in postcard 01 04 41 6e 6e 61 02)")
assert payment.hex() == "0102"
try:
    from_postcard(Payment, payment)
    raise SystemExit("it is read again")
except TypeError as error:
    print("read again:", error)
assert to_postcard(Maybe(u16(1), None)).hex() == "01"
print("Maybe(1, None):", to_postcard(Maybe(u16(1), None)).hex(), "(in postcard 01 00)")

for value in (65535, 70000, -1, -300):
    written = to_postcard(Number(u16(value), i32(0), False))[:-2]
    print(f"u16({value}):", written.hex(" "))
assert [to_postcard(Number(u16(value), i32(0), False))[:-2].hex() for value in (65535, 70000, -1, -300)] == ["ffff03", "f0a204", "7f", "54"]
try:
    to_postcard(Byte(u8(300)))
    raise SystemExit("u8(300) is written")
except OverflowError as error:
    print("u8(300):", error)
print("as described: what it does not know is left out")
PYTHON
