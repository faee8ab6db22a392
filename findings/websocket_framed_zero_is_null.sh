#!/usr/bin/env bash
# websocket-framed (npm): a frame whose data is 0, false or an empty text arrives as null.
#
# Guess: send({ type, data }) sends the data as JSON, CBOR or MessagePack have it; "data" is any value, and what is left out is null.
# Happens: data that JavaScript takes for false is replaced by null before it is encoded, with each codec: 0, false and "" are null at
# the other side, as is NaN, which at least JSON would have made so. An empty list or object comes through.
# Hurts: answers that are a number or yes and no: "how many are connected?" is 0 and arrives as null, which a caller that tests for
# null takes for no answer; a setting that is switched off by false is "not set" at the other end. Each of these values is rare in
# tests, as they use 1, true and "test".
# Way out: send objects, { value: 0 }.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund websocket-framed@1.2.9 ws@8.18.0 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const { WebSocket, WebSocketServer } = require("ws");
const WebSocketFramed = require("websocket-framed");
console.log("websocket-framed", require("./node_modules/websocket-framed/package.json").version);

const values = [7, true, "text", [], {}, 0, false, ""];
async function sent(codec) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await new Promise(done => server.once("listening", done));
  server.once("connection", socket => {
    const framed = new WebSocketFramed(socket, codec);
    values.forEach(data => framed.send({ type: "STATUS", data }));
  });
  const socket = new WebSocket(`ws:${"//"}127.0.0.1:${server.address().port}`);
  const framed = new WebSocketFramed(socket, codec);
  const read = [];
  await new Promise(done => framed.on("message", ({ frame }) => {
    if (read.push(frame.data) === values.length) done();
  }));
  return read;
}

(async () => {
  for (const codec of ["json", "cbor", "msgpack"]) {
    const read = await sent(codec);
    console.log(codec, "sent", JSON.stringify(values), "read", JSON.stringify(read));
    assert.deepEqual(read, [7, true, "text", [], {}, null, null, null]);
  }
  console.log("as described: zero and no are nothing");
  process.exit();
})();
JS
node finding.js
