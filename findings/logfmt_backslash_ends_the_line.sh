#!/usr/bin/env bash
# The Python package logfmt loses a quoted value with a backslash, and all fields after it.
#
# Guess: in quoted values of logfmt a backslash escapes the next character, as its writers do it in Python (logfmter), Go and
# Rust. A reader that knows \" alone keeps other backslashes as they are.
# Happens: after a backslash, the next quote counts as escaped however far away it is, so the value does not end there. With
# logfmter's lines the value becomes True, and nothing remains of the rest of the line; with the package's own, which quote
# all values, the next field is swallowed. That holds for paths, newlines as \n, and regular expressions. \" alone is
# right. No error is raised.
# Hurts: scripts that search a node's log: of the lines that matter most, with an error's text, they see neither the error
# nor the height and the peer behind it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check logfmt==0.4 logfmter==0.0.12
env/bin/python - <<'PYTHON'
import importlib.metadata, io, logfmt
from logfmter import Logfmter

for package in ("logfmt", "logfmter"):
    print(package, importlib.metadata.version(package))

def read(line):
    return next(logfmt.parse(io.StringIO(line)))

quote, path, lines = 'a "quote" in it', "C:\\data dir", "disk is full\nno block written"
fields = {"level": "error", "error": None, "height": "12", "peer": "4"}
cases = [
    ("logfmter", quote, fields | {"error": quote}),
    ("logfmter", path, {"level": "error", "error": True}),
    ("logfmter", lines, {"level": "error", "error": True}),
    ("logfmt", quote, fields | {"error": quote}),
    ("logfmt", path, {"level": "error", "error": 'C:data dir" height=', "12": True, "peer": "4"}),
]
failed = False
for writer, error, expected in cases:
    given = fields | {"error": error}
    line = Logfmter.format_params(given) if writer == "logfmter" else next(logfmt.format(given))
    got = read(line)
    print(f"{writer} writes: {line}\n    logfmt reads: {got}")
    failed |= got != expected
assert not failed
print("as described: the value and the rest of the line are gone")
PYTHON
