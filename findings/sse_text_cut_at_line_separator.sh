#!/usr/bin/env bash
# @server-sent-stream/parser (npm) and sseclient (Python): the rest of a line of an event is lost, without an error, after
# U+2028 and, in Python, after U+0085 and a few control characters.
#
# Guess: lines of an event stream end with LF, CR or both, and with nothing else. A client that reads "data: " takes the rest
# of the line. JSON.stringify leaves U+2028 and U+0085 as they are, so they are in streams of JSON too.
# Happens: the npm package reads the value with a regular expression whose dot ends at U+2028; the Python one calls
# splitlines(), for which ten characters end a line, and the next "line" is no known field. The event is delivered, shorter.
# The npm package also takes a comment for a field: ":data: old" is data. @azure/core-sse is right.
# Hurts: streams of texts that people paste (memos of payments, chat, logs): the text ends early, or its JSON cannot be parsed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check sseclient==0.0.27
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund @server-sent-stream/parser@1.0.4 @azure/core-sse@2.4.0 >/dev/null
cat >finding.js <<'JS'
import assert from "assert";
import { readFileSync } from "fs";
import { createSseStream } from "@azure/core-sse";
import module from "@server-sent-stream/parser";
const EventStreamParser = module.default ?? module;
const version = (name) => `${name} ${JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version}`;

const memo = { memo: "rent\u2028for May" };
const stream = `data: ${JSON.stringify(memo)}\n\n:data: old\ndata: new\n\n`;
const cut = [];
const parser = new EventStreamParser((data) => cut.push(data));
parser.push(stream);
parser.end();
const whole = [];
for await (const event of createSseStream(new Blob([stream]).stream())) {
  whole.push(event.data);
}
console.log(version("@azure/core-sse"), JSON.stringify(whole));
console.log(version("@server-sent-stream/parser"), JSON.stringify(cut));
assert.deepEqual(whole, [JSON.stringify(memo), "new"]);
assert.deepEqual(cut, ['{"memo":"rent', "old\nnew"]);
JS
cat >finding.py <<'PYTHON'
import importlib.metadata
from sseclient import Event

kept = {Event.parse(f"data: rent{character}for May\n\n").data for character in "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"}
print("sseclient", importlib.metadata.version("sseclient"), kept)
assert kept == {"rent"}
assert Event.parse("data: rent for May\n\n").data == "rent for May"
PYTHON
node finding.js
env/bin/python finding.py 2>/dev/null
echo "as described: texts end early"
