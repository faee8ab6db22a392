#!/usr/bin/env bash
# systemdunitparser (Python): a unit file that is read and written again has its continued lines elsewhere.
#
# Guess: "to properly parse systemd unit files": a line that ends with a backslash goes on in the next one, spaces before a key mean
# nothing, keys may repeat, and write() gives a file of the same meaning.
# Happens: it is the rule of configparser: a line that is indented further goes on, others begin a key. "Environment=A=1 \" with
# "B=2" below are two keys, and when written, other Environment lines come between them: the backslash now joins A with
# those, and B=2 is an unknown key. If a repeated key is continued by an indented line, AttributeError is raised. A key that
# is indented further than the one above it is part of that one's value, and no key.
# Hurts: tools that set one key of a unit that people wrote: after write() a service starts with other variables, and systemd only
# warns of an unknown key. Files without continued lines, as most examples are, come through.
# Way out: join continued lines and strip the spaces before reading.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check systemdunitparser==0.4
cat >finding.py <<'PY'
import io
from importlib.metadata import version

from SystemdUnitParser import SystemdUnitParser

print("systemdunitparser", version("systemdunitparser"))


def read(text):
    unit = SystemdUnitParser()
    unit.read_string(text)
    return unit


def keys(text):
    unit = read(text)
    return {key: unit.get("Service", key) for key in unit.options("Service")}


two = "[Service]\nEnvironment=A=1 \\\nB=2\nEnvironment=C=3\n"
output = io.StringIO()
read(two).write(output)
print(f"read:\n{two}written:\n{output.getvalue().strip()}")
assert keys(two) == {"Environment": ("A=1 \\", "C=3"), "B": "2"}
assert output.getvalue().strip() == "[Service]\nEnvironment=A=1 \\\nEnvironment=C=3\nB=2"

once = "[Service]\nExecStartPre=/bin/mkdir -p \\\n    data\n"
assert keys(once) == {"ExecStartPre": "/bin/mkdir -p \\\ndata"}
try:
    raise AssertionError(keys(once.replace("[Service]\n", "[Service]\nExecStartPre=/bin/true\n")))
except AttributeError as error:
    print("a repeated key that is continued raises", repr(error))

indented = "[Service]\nExecStart=/bin/node\n  Restart=always\n  User=node\n"
print(f"of {indented!r}: {keys(indented)}")
assert keys(indented) == {"ExecStart": "/bin/node\nRestart=always\nUser=node"}
print("as described: lines of configparser, not of systemd")
PY
env/bin/python finding.py
