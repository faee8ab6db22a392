#!/usr/bin/env bash
# python3-xid: most machines have one machine number and begin to count at one number, and one identifier in 23 is refused.
#
# Guess: an XID is a time in seconds, three bytes of a hash of the machine's name, two of the process number and a counter with a
# random start, as in rs/xid, of which the package is a port. 16 million machines and starts make identifiers unique
# "without coordination". from_string() reads what string() gives.
# Happens: bytes are turned into text by str(), which in Python 3 is b'...' with quotes and escapes. The machine's number is thus
# the three characters b ' \ for three machines of five, and b, a quote and one more for all others; the counter starts
# likewise, at the same number for three processes of five. from_string() raises InvalidXid for each identifier that has a byte 255.
# fast-xid is right in both.
# Hurts: containers and nodes that start together, whose process number is 1 or 7 everywhere: what they make within one second
# is equal, with odds of one to six for two of them. Records that overwrite each other, and some that cannot be looked up.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check python3-xid==1.0.5 fast-xid==0.1.0
env/bin/python - <<'PYTHON'
import collections
import importlib
import importlib.metadata
import platform
import time
import fast_xid
import xid

for name in ("python3-xid", "fast-xid"):
    print(name, importlib.metadata.version(name))

MACHINES = 600
first, now = collections.Counter(), time.time()
time.time = lambda: now
machines, starts = collections.Counter(), collections.Counter()
for number in range(MACHINES):
    platform.node = lambda: f"node{number}.example"
    importlib.reload(xid)
    made = xid.Xid()
    machines[made.machine()] += 1
    starts[made.counter()] += 1
    first[made.string()] += 1
(machine, same), (start, begun) = machines.most_common(1)[0], starts.most_common(1)[0]
print(f"{MACHINES} machines: {same} have the number {machine!r}, {begun} begin to count at {start:#x}")
print(f"of their first identifiers {MACHINES - len(first)} are not new; the most frequent was made {max(first.values())} times")
assert machine == "b'\\" and all(name[0] == "b" and name[1] in "'\"" for name in machines) and same > MACHINES / 2
assert start == 0x62275C + 1 and begun > MACHINES / 2 and max(first.values()) > MACHINES / 5

refused = 0
for number in range(1 << 16):
    made = xid.Xid([106, 0, 0, 0, 1, 2, 3, 0, 7, 0, number >> 8, number & 255])
    with_255 = 255 in made.value
    try:
        assert xid.Xid.from_string(made.string()).value == made.value and not with_255
    except xid.InvalidXid:
        assert with_255
        refused += 1
    raw = bytes(made.value)
    assert fast_xid.XID(fast_xid.XID(raw).string()).bytes() == raw and fast_xid.XID(raw).string() == made.string()
print(f"from_string() refuses {refused} of 65536 that differ in two bytes; of random bytes that are {1 - (255 / 256) ** 12:.1%}")
assert refused == 511
print("as described: the parts that should tell machines apart do not")
PYTHON
