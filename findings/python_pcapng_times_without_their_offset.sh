#!/usr/bin/env bash
# python-pcapng: the offset of an interface's clock is left out of packet times, and nanoseconds are rounded to a quarter of a microsecond.
#
# Guess: the time of a packet is its ticks times the resolution (if_tsresol) plus the offset in seconds (if_tsoffset), both of its interface: so
# the format defines the two options. A capture with nanoseconds has nanoseconds.
# Happens: if_tsoffset is read and stands in the interface's options, but timestamp does not add it: packets of such a capture are of the first
# days of 1970, or off by the difference of the clocks. timestamp is a float, whose steps are 238 ns today: two packets 100 ns apart may
# have one time.
# Hurts: checks of clock synchronisation (PTP, NTP) and of latency by captures of two hosts: hours or decades apart without an error, and delays
# below a microsecond that are 0 or 238 ns. Captures that Wireshark writes by default have no offset, and microseconds.
# Way out: reckon with integers: timestamp_high, timestamp_low and the two options of block.interface, as below.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check python-pcapng==2.1.1
env/bin/python - <<'PYTHON'
import io
import struct
from fractions import Fraction
from importlib.metadata import version

from pcapng import FileScanner

print("python-pcapng", version("python-pcapng"))
SECOND = 1_767_225_600  # 2026-01-01


def block(kind, body):
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def option(code, value=b""):
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def capture(options, *times):
    """A capture of one interface with packets at these ticks."""
    section = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    interface = block(1, struct.pack("<HHI", 1, 0, 65535) + options + option(0))
    packets = [block(6, struct.pack("<IIIII", 0, ticks >> 32, ticks % 2**32, 4, 4) + b"data") for ticks in times]
    return section + interface + b"".join(packets)


def read(data):
    packets = [found for found in FileScanner(io.BytesIO(data)) if hasattr(found, "timestamp_high")]
    return [packet.timestamp for packet in packets], [exact(packet) for packet in packets]


def exact(packet):
    options = packet.interface.options
    resolution = options["if_tsresol"][0] if "if_tsresol" in options else 6
    base = 2 if resolution & 0x80 else 10
    ticks = packet.timestamp_high << 32 | packet.timestamp_low
    return Fraction(ticks, base ** (resolution & 0x7F)) + (options["if_tsoffset"] if "if_tsoffset" in options else 0)


micro, nano, offset = b"", option(9, b"\x09"), option(14, struct.pack("<q", SECOND))
times, right = read(capture(micro, SECOND * 10**6 + 250_000))
print("microseconds, no offset:", times)
assert times == right

times, right = read(capture(offset, 250_000))
print("with an offset:", times, "instead of", [float(time) for time in right])
assert times == [0.25] and right == [SECOND + Fraction(1, 4)]

times, right = read(capture(nano, *(SECOND * 10**9 + 250_000_000 + late for late in (0, 100, 200, 300))))
later = [round((time - times[0]) * 1e9) for time in times]
print("0, 100, 200 and 300 ns later:", later)
assert later == [0, 238, 238, 477] and [(time - right[0]) * 10**9 for time in right] == [0, 100, 200, 300]
print("as described: no offset, no nanoseconds")
PYTHON
