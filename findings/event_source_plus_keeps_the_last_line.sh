#!/usr/bin/env bash
# event-source-plus (npm): of an event with several lines of data only the last one is delivered, and who asks for two seconds of
# rest gets two thousandths.
#
# Guess: "a better EventSource API", an event is what it is for EventSource: its lines of data joined with line feeds, without the
# one space behind the colon. A server's "retry: 2000" is the time to wait before connecting again, and an empty "id"
# forgets the last one.
# Happens: each line of data replaces the one before it. JSON that is written over several lines arrives as "}", a memo of two
# lines as its second; spaces around a line are gone. The wait that a server sets is handed out with the event and used
# nowhere: after each end of a stream the client is back within milliseconds, however often, as a connection that succeeds
# sets its own wait back to 2 ms. An empty "id" changes nothing.
# Hurts: clients of servers that write indented JSON or texts that people typed: no error is raised, and a number in the last line
# is a value. Servers that close streams at times, for a restart or against idle clients, and ask for a pause, get none.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund event-source-plus@0.1.15 eventsource-parser@3.0.6 >/dev/null
cat >finding.js <<'JS'
import assert from "assert";
import { readFileSync } from "fs";
import http from "http";
import { EventSourcePlus } from "event-source-plus";
import { createParser } from "eventsource-parser";
for (const name of ["event-source-plus", "eventsource-parser"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version);
}

const stream = "retry: 2000\nid: 7\ndata: {\ndata:   \"to\": \"shop\",\ndata:   \"amount\": 5\ndata: }\n\n"
  + "data: rent for May\ndata: and 2 of June\n\ndata: 1000\ndata: 23\n\nid\ndata:  indented\n\n";
const right = [];
createParser({ onEvent: event => right.push(event.data) }).feed(stream);

const requests = [];
const server = http.createServer((request, response) => {
  requests.push({ time: performance.now(), id: request.headers["last-event-id"] });
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.end(requests.length === 1 ? stream : "retry: 2000\n\n");
});
await new Promise(done => server.listen(0, "127.0.0.1", done));
const client = new EventSourcePlus(`http:${"//"}127.0.0.1:${server.address().port}`);
const seen = [];
const connection = client.listen({ onMessage: event => seen.push(event.data) });
for (let turn = 0; requests.length < 6 && turn < 1500; turn++) await new Promise(done => setTimeout(done, 5));
connection.abort();

right.forEach((data, place) => console.log(`sent ${JSON.stringify(data)}, delivered ${JSON.stringify(seen[place])}`));
assert.deepEqual(right, ['{\n  "to": "shop",\n  "amount": 5\n}', "rent for May\nand 2 of June", "1000\n23", " indented"]);
assert.deepEqual(seen, ["}", "and 2 of June", "23", "indented"]);
const waits = requests.slice(1, 6).map(({ time }, place) => time - requests[place].time);
console.log("asked to wait for 2000 ms, back five times after", waits.map(Math.round), "ms, with the id", requests[1].id);
assert.equal(waits.length, 5);
assert.ok(waits.every(wait => wait < 1500));
assert.ok(requests.slice(1).every(({ id }) => id === "7"));
console.log("as described: the last line is all, and nothing waits");
process.exit(); // whichever connection is just being made
JS
node finding.js
