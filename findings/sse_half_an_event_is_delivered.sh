#!/usr/bin/env bash
# sseclient-py (Python) and parse-sse (npm): when the connection is lost within an event, its first half is delivered as an event.
#
# Guess: the specification of server-sent events says that an event whose empty line has not come is dropped when the stream
# ends. parse-sse calls itself compliant with it.
# Happens: at the end of the stream both deliver what they have: of "data: 1000000" cut after two digits, the event "10".
# Nothing distinguishes it from a whole one. @azure/core-sse drops it.
# Hurts: programs that follow amounts, heights or prices that are no JSON, or one object in several lines: a server that
# restarts gives them a number that was never sent. HTTP says nothing: such a stream has no length, its end looks regular.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check sseclient-py==1.9.0
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund parse-sse@0.1.0 @azure/core-sse@2.4.0 >/dev/null
cat >finding.js <<'JS'
import assert from "assert";
import { readFileSync } from "fs";
import { createSseStream } from "@azure/core-sse";
import { parseServerSentEvents } from "parse-sse";

const stream = () => new Blob(["data: 999999\n\ndata: 10"]).stream();
const version = (name) => `${name} ${JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version}`;
async function events(source) {
  const found = [];
  for await (const event of source) {
    found.push(event.data);
  }
  return found;
}
const strict = await events(createSseStream(stream()));
console.log(version("@azure/core-sse"), strict);
const lax = await events(parseServerSentEvents(new Response(stream(), { headers: { "content-type": "text/event-stream" } })));
console.log(version("parse-sse"), lax);
assert.deepEqual(strict, ["999999"]);
assert.deepEqual(lax, ["999999", "10"]);
JS
cat >finding.py <<'PYTHON'
import importlib.metadata
import io
import sseclient

stream = io.BytesIO(b"data: 999999\n\ndata: 10")
found = [event.data for event in sseclient.SSEClient(stream).events()]
print("sseclient-py", importlib.metadata.version("sseclient-py"), found)
assert found == ["999999", "10"]
PYTHON
echo "999999, then the beginning of 1000000, then the end of the stream:"
node finding.js
env/bin/python finding.py
echo "as described: two parsers deliver the half"
