#!/usr/bin/env bash
# express-sse (npm): each client that connects makes the server send the first events to all others once more.
#
# Guess: what is given to the constructor is sent to a client when it connects, as the state from which the later events go on. It
# is sent to that client.
# Happens: init() sends it by the way of all events, to whoever is connected. A client that stays gets the initial content again
# with each one that comes or comes back, as new events with new numbers, between the others, and cannot tell them apart. With
# isSerialized: false it is the same. And each connection counts its events from 0, so that the number that a client brings
# back as Last-Event-ID names nothing; it is not looked at.
# Hurts: whoever sends the last payments first and then each new one, and sums up or rings a bell for what arrives: with ten clients
# the first one has seen the last payments ten times. One browser tab alone works.
# Way out: no initial content; write it to the response yourself after init().
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund express-sse@1.0.0 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const http = require("http");
const SSE = require("express-sse");
console.log("express-sse", require("./node_modules/express-sse/package.json").version);

const until = async condition => {
  for (let turn = 0; !condition() && turn < 1000; turn++) await new Promise(done => setTimeout(done, 5));
  assert.ok(condition());
};

async function run(options) {
  const sse = new SSE(["payment 1", "payment 2"], options);
  const server = http.createServer((request, response) => sse.init(request, response));
  await new Promise(done => server.listen(0, "127.0.0.1", done));
  const clients = [];
  const connect = async () => {
    const client = { text: "" };
    clients.push(client);
    http.get({ port: server.address().port, host: "127.0.0.1", agent: false }, response => {
      response.setEncoding("utf8").on("data", data => { client.text += data; }).on("error", () => {});
      client.close = () => response.destroy();
    });
    await until(() => client.text.includes("payment 2"));
  };
  const seen = client => client.text.split("\n\n").filter(Boolean).map(event => event.split("\n"))
    .map(([id, data]) => `${id.slice(4)}: ${data.slice(6)}`);
  await connect();
  sse.send("payment 3");
  for (let count = 0; count < 3; count++) await connect();
  sse.send("payment 4");
  await until(() => clients.every(client => client.text.includes("payment 4")));
  clients.forEach((client, place) => console.log(`client ${place + 1} has seen`, seen(client)));
  const events = clients.map(seen);
  clients.forEach(client => client.close());
  server.close();
  return events;
}

(async () => {
  const events = await run();
  const texts = events.map(list => list.map(event => JSON.parse(event.slice(event.indexOf(" ") + 1))));
  const start = ["payment 1", "payment 2"];
  assert.deepEqual(texts[0], [...start, "payment 3", ...start, ...start, ...start, "payment 4"]);
  assert.deepEqual(texts[1], [...start, ...start, ...start, "payment 4"]);
  assert.deepEqual(texts[3], [...start, "payment 4"]);
  assert.deepEqual(events.map(list => list.at(-1).split(":")[0]), ["9", "6", "4", "2"]);
  const whole = await run({ isSerialized: false });
  assert.deepEqual(whole.map(list => list.filter(event => event.includes("payment 1")).length), [4, 3, 2, 1]);
  console.log("as described: the first events come again");
})();
JS
node finding.js
