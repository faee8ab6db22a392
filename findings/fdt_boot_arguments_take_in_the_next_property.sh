#!/usr/bin/env bash
# fdt (Python): two slashes in a text are a comment, so that the boot arguments end there and take in the property below.
#
# Guess: in a device tree's source "//" begins a comment and ";" ends a property, but not within quotation marks: bootargs with
# nfsroot=//192.0.2.1/srv, or a list of consoles with ";", is one text.
# Happens: comments and ends are cut off before quotation marks are looked at. What follows "//" is gone, together with the closing quotation mark, so
# that the text goes on in the next line: bootargs holds the name and the value of the property below, which itself is gone. Each ";" of
# a text is dropped. A node that stands on one line, with its properties, is left out. No error is raised, and the blob is written.
# Hurts: boards that start over the network, whose root is a URL or has "//": the kernel gets nonsense as its root, and the property that
# was swallowed (stdout-path, often) is missing, which takes the console that would show it.
# Way out: to_dtb() and from a blob are right: set such properties by set_property(), or let dtc translate.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check fdt==0.3.3
env/bin/python - <<'PYTHON'
from importlib.metadata import version

import fdt

print("fdt", version("fdt"))


def properties(lines):
    """The properties of /chosen when its source has these lines."""
    body = "\n".join(f"        {line}" for line in lines)
    tree = fdt.parse_dts(f"/dts-v1/;\n/ {{\n    chosen {{\n{body}\n    }};\n}};\n")
    return {one.name: list(one.data) for one in fdt.parse_dtb(tree.to_dtb(version=17)).get_node("/chosen").props}


console = 'stdout-path = "serial0:115200n8";'
cases = [
    ("root=/dev/mmcblk0p2 rw", {"bootargs": ["root=/dev/mmcblk0p2 rw"], "stdout-path": ["serial0:115200n8"]}),
    ("root=/dev/nfs nfsroot=//192.0.2.1/srv rw", {"bootargs": ["root=/dev/nfs nfsroot= stdout-path = serial0:115200n8"]}),
    ("console=tty0;ttyS0", {"bootargs": ["console=tty0ttyS0"], "stdout-path": ["serial0:115200n8"]}),
]
for arguments, expected in cases:
    found = properties([f'bootargs = "{arguments}";', console])
    print(f"{arguments}: {found}")
    assert found == expected

# Set by the program and not from a source, the same text is right.
tree = fdt.FDT()
text = cases[1][0]
tree.set_property("bootargs", text, "/chosen")
back = fdt.parse_dtb(tree.to_dtb(version=17)).get_property("bootargs", "/chosen").value
print("set_property, to a blob and back:", back)
assert back == text

one_line = fdt.parse_dts('/dts-v1/;\n/ {\n    chosen { bootargs = "rw"; };\n};\n')
print("a node on one line:", one_line.exist_node("/chosen"))
assert not one_line.exist_node("/chosen")
print("as described: boot arguments take in the next property")
PYTHON
