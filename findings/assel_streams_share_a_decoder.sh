#!/usr/bin/env bash
# The Python package assel: a stream that breaks off within a character ends all other event streams of the program.
#
# Guess: assel is a parser of server-sent events without I/O: one makes a Parser for each connection and feeds it the bytes that
# arrive, cut anywhere. Parsers know nothing of each other.
# Happens: the decoder that holds the first bytes of an unfinished character is made once, for the class. While one parser
# waits for the rest of a character, each other raises UnicodeDecodeError for valid bytes, and the bytes are lost. If the rest
# never comes, as the connection was lost there, all parsers raise for ever, new ones too.
# Hurts: programs that follow several nodes, or that connect again after an error, which is the usual answer to one: they
# must be restarted. With ASCII alone nothing happens.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check assel==1.0.0
env/bin/python - <<'PYTHON'
import importlib.metadata
import subprocess, sys
import assel

print("assel", importlib.metadata.version("assel"))

text = "data: Zürich\n\n".encode()
first, rest = text[:8], text[8:]
assert first.endswith("ü".encode()[:1])

def feed(parser, data):
    try:
        return [event.data for event in parser.receive_bytes(data)]
    except UnicodeDecodeError as error:
        return type(error).__name__

one, two = assel.Parser(), assel.Parser()
results = [feed(one, first), feed(two, b"data: hello\n\n"), feed(one, rest), feed(two, b"data: hello\n\n")]
print(f"two connections, one waits for the rest of a character: {results}")
assert results == [[], "UnicodeDecodeError", ["Zürich"], ["hello"]]

assert feed(one, first) == []
del one
results = [feed(assel.Parser(), b"data: hello\n\n") for _ in range(3)]
print(f"the connection breaks off there, three new ones follow: {results}")
assert results == ["UnicodeDecodeError"] * 3

program = 'import assel; print([event.data for event in assel.Parser().receive_bytes(b"data: hello\\n\\n")])'
fresh = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
print(f"the same bytes in a new process: {fresh}")
assert fresh == "['hello']"
print("as described: parsers share a decoder")
PYTHON
