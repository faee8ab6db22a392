#!/usr/bin/env bash
# @azure/core-sse (npm): the name of an event without data is given to the next event.
#
# Guess: an event without data is not delivered, and leaves nothing behind: the specification of server-sent events says to set
# the buffers of data and of the event's type to the empty string at each empty line.
# Happens: an empty line without data before it resets nothing. After "event: ping" and an empty line, the next event is a
# "ping", though it has no name; its own name would replace it. The time to wait that such an event sets is passed on as well.
# Hurts: clients of servers that keep the connection open with named events that have no data: what follows such a ping is
# sorted as a ping, and dropped. Without pings, as in tests, it works.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund @azure/core-sse@2.4.0 eventsource-parser@3.0.6 >/dev/null
cat >finding.js <<'JS'
import assert from "assert";
import { readFileSync } from "fs";
import { createSseStream } from "@azure/core-sse";
import { createParser } from "eventsource-parser";
const version = (name) => `${name} ${JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version}`;

const text = "data: 1\n\nevent: ping\n\ndata: 2\n\nevent: ping\n\nevent: block\ndata: 3\n\ndata: 4\n\n";
const azure = [];
for await (const { event, data } of createSseStream(new Blob([text]).stream())) {
  azure.push([event, data]);
}
const other = [];
createParser({ onEvent: ({ event, data }) => other.push([event ?? "", data]) }).feed(text);
console.log(JSON.stringify(text));
console.log(version("eventsource-parser"), JSON.stringify(other));
console.log(version("@azure/core-sse"), JSON.stringify(azure));
assert.deepEqual(other, [["", "1"], ["", "2"], ["block", "3"], ["", "4"]]);
assert.deepEqual(azure, [["", "1"], ["ping", "2"], ["block", "3"], ["", "4"]]);
console.log("as described: the event after a ping is a ping");
JS
node finding.js
