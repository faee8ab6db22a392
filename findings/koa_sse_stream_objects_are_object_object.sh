#!/usr/bin/env bash
# koa-sse-stream (npm): objects are sent as "[object Object]", and texts that begin with a colon not at all.
#
# Guess: send({ event, data }): "data to send, if it's object, it will be converted to json". A text is sent as it is. The option
# closeEvent names the event that ends a stream.
# Happens: the type is compared with "Object", with a capital letter, which no type is called. Each object becomes
# "[object Object]", a list its elements with commas. A text whose first sign is a colon, with spaces before it or without, is
# taken for a comment, and is one for the client, with all its lines; the event has no data then and is not delivered.
# closeEvent is ignored: the event is always "close".
# Hurts: servers that follow the documentation: clients get an event for each payment, with the right name and number, and no
# payment in it. Memos such as ":-)" or ":1234" vanish.
# Way out: JSON.stringify() before send().
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund koa-sse-stream@0.2.0 koa@2.16.1 eventsource-parser@3.0.6 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const http = require("http");
const Koa = require("koa");
const sse = require("koa-sse-stream");
const { createParser } = require("eventsource-parser");
for (const name of ["koa-sse-stream", "koa"]) console.log(name, require(`./node_modules/${name}/package.json`).version);

const sent = [
  { event: "payment", id: 7, data: { to: "shop", amount: 5 } },
  { event: "height", id: 8, data: [1, 2, { final: true }] },
  { event: "memo", id: 9, data: ":1234 is my number\nthank you" },
  { event: "memo", id: 10, data: "the number: 1234" },
];
const app = new Koa();
app.use(sse({ closeEvent: "bye" }));
app.use(async context => {
  for (const message of sent) context.sse.send({ ...message });
  context.sse.sendEnd();
});
const server = app.listen(0, "127.0.0.1", () => {
  http.get({ port: server.address().port, host: "127.0.0.1", agent: false }, async response => {
    const seen = [];
    const parser = createParser({ onEvent: ({ event, id, data }) => seen.push([event, id, data]) });
    for await (const piece of response) parser.feed(String(piece));
    sent.forEach(message => console.log("sent", JSON.stringify(message)));
    console.log("received", seen);
    assert.deepEqual(seen, [
      ["payment", "7", "[object Object]"],
      ["height", "8", "1,2,[object Object]"],
      ["memo", "10", "the number: 1234"],
      ["close", undefined, ""],
    ]);
    console.log("as described: no object arrives");
    process.exit();
  });
});
JS
node finding.js
