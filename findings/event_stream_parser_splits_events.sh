#!/usr/bin/env bash
# event-stream-parser (npm): an event is cut in two when a packet ends between carriage return and line feed.
#
# Guess: the package says that it follows the specification of server-sent events (HTML, 9.2.6). Lines end with CRLF, CR or LF,
# and events are the same however the network cuts the stream.
# Happens: what has arrived is split into lines at once. A CR at the end of a chunk counts as an end of line, and the LF at the
# start of the next chunk as another, which is an empty line and ends the event. An event with several lines of data
# arrives in two parts, and a name that stands behind the data is lost with the first of them. With LF alone it is right;
# eventsource-parser is right with both.
# Hurts: clients of servers that write CRLF, which the specification allows as well. JSON of several lines fails to parse, or
# two halves of a list are taken for two messages; it depends on sizes of packets, and so comes and goes.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund event-stream-parser@1.0.2 eventsource-parser@3.0.6 >/dev/null
cat >finding.js <<'JS'
import assert from "assert";
import { readFileSync } from "fs";
import { parse } from "event-stream-parser";
import { createParser } from "eventsource-parser";
for (const name of ["event-stream-parser", "eventsource-parser"])
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version);

const events = async (chunks) => {
  const stream = new ReadableStream({
    start(controller) {
      chunks.forEach((chunk) => controller.enqueue(new TextEncoder().encode(chunk)));
      controller.close();
    },
  });
  const got = [];
  for await (const event of await parse(stream)) got.push([event.type, event.data]);
  return got;
};
const other = (chunks) => {
  const got = [];
  const parser = createParser({ onEvent: (event) => got.push([event.event ?? "message", event.data]) });
  chunks.forEach((chunk) => parser.feed(chunk));
  return got;
};

const text = 'data: {"height": 7,\ndata: "hash": "a1"}\nevent: block\n\ndata: next\n\n';
const wanted = [["block", '{"height": 7,\n"hash": "a1"}'], ["message", "next"]];
for (const [ending, count] of [["\n", 0], ["\r\n", 2]]) {
  const stream = text.replaceAll("\n", ending);
  let wrong = 0;
  for (let cut = 0; cut <= stream.length; cut++) {
    const chunks = [stream.slice(0, cut), stream.slice(cut)].filter(Boolean);
    const got = await events(chunks);
    assert.deepEqual(other(chunks), wanted);
    if (JSON.stringify(got) === JSON.stringify(wanted)) continue;
    wrong++;
    assert.ok(stream[cut - 1] === "\r" && stream[cut] === "\n");
    console.log(`cut behind ${JSON.stringify(stream.slice(cut - 12, cut))}: ${JSON.stringify(got)}`);
    assert.deepEqual(got[0][0], "message");
  }
  console.log(`lines end with ${JSON.stringify(ending)}: ${wrong} of ${stream.length + 1} places to cut change the events`);
  assert.equal(wrong, count);
}
console.log("as described: the end of a packet ends an event");
JS
node finding.js
