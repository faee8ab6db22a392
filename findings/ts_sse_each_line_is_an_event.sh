#!/usr/bin/env bash
# ts-sse (npm): each line of a text is an event of its own, and an event without data joins the next one.
#
# Guess: the writer follows the specification of server-sent events, as its page says, after the model of two other packages: a text
# of several lines is one event with several lines of data, and each message ends with an empty line.
# Happens: an empty line is written behind each line of data, and nowhere else. Of a text of three lines the first arrives with
# the event's name and number, the others are events without them. A message with a name or a number
# alone is not ended: its name goes to the next message, or is replaced by that one's. An empty text is not sent at all.
# node-ssestream, one of the two models, is right in the first.
# Hurts: whoever sends memos, indented JSON, or a text in pieces: the client's handler for the name gets the first line and nobody
# the rest, or each line is counted as a message. Objects are written in one line and pass, as do all examples.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund ts-sse@0.0.6 ssestream@1.1.0 eventsource-parser@3.0.6 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const { getSSEWriter } = require("ts-sse");
const SseStream = require("ssestream").default;
const { createParser } = require("eventsource-parser");
for (const name of ["ts-sse", "ssestream"]) console.log(name, require(`./node_modules/${name}/package.json`).version);

const read = text => {
  const seen = [];
  createParser({ onEvent: ({ event, id, data }) => seen.push([event ?? "message", id, data]) }).feed(text);
  return seen;
};
async function written(...messages) {
  const { readable, writable } = new TransformStream();
  const writer = getSSEWriter(writable.getWriter(), new TextEncoder());
  for (const message of messages) writer.update(message);
  writer.close({ data: undefined });
  return new Response(readable).text();
}
async function model(...messages) {
  const stream = new SseStream();
  for (const message of messages) stream.writeMessage(message);
  stream.end();
  let text = "";
  for await (const piece of stream) text += piece;
  return text;
}

(async () => {
  const payment = { event: "payment", id: "7", data: "from Ada\nfor May\nand June" };
  const [here, there] = [read(await written(payment)), read(await model(payment))];
  console.log("ssestream:", there);
  console.log("ts-sse:   ", here);
  assert.deepEqual(there, [["payment", "7", "from Ada\nfor May\nand June"]]);
  assert.deepEqual(here.map(([event, , data]) => [event, data]),
    [["payment", "from Ada"], ["message", "for May"], ["message", "and June"]]);

  const joined = read(await written({ event: "restart" }, { data: "block 8" }));
  console.log("a message with a name alone, and one with data alone:", joined);
  assert.deepEqual(joined.map(([event, , data]) => [event, data]), [["restart", "block 8"]]);
  assert.equal(await written({ event: "memo", data: "" }), "event: memo\n");
  const json = read(await written({ event: "payment", data: { amount: 5 } }));
  assert.deepEqual(json.map(([event, , data]) => [event, data]), [["payment", '{"amount":5}']]);
  console.log("as described: a line is an event");
})();
JS
node finding.js
