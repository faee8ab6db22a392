#!/usr/bin/env bash
# sse-z (npm): after one keep-alive event that is late, the client connects anew every second, for ever.
#
# Guess: "if an event is not received inside the provided interval, a reconnection attempt will be made": one attempt, after which
# the new connection has the interval for its first event.
# Happens: the time of the last keep-alive stays as it was until the next one comes. A timer looks each second whether it is too old,
# and closes the connection that it has just made. A server that sends its keep-alives every 15 seconds never gets to the
# first one. Other events do not count, however many come.
# Hurts: servers: after a pause of the network, or of one of them, each open page asks once a second, day and night, and gets the
# start of the stream each time, which it takes for news. It looks well in a test whose keep-alives come within a second.
# Way out: a server that sends a keep-alive first of all; or no keepAlive, as browsers connect again by themselves.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund sse-z@0.3.0 eventsource@4.1.1 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const http = require("http");
const { EventSource } = require("eventsource");
const { Subscription } = require("sse-z");
global.EventSource = EventSource;
console.log("sse-z", require("./node_modules/sse-z/package.json").version);

// A server with a keep-alive every 1.5 seconds, of which only one comes on the first connection, if `late`.
function watch(late) {
  const connections = [];
  let news = 0;
  const server = http.createServer((request, response) => {
    const first = connections.push(performance.now()) === 1;
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.write("data: the newest block\n\n");
    let sent = 0;
    const timer = setInterval(() => {
      if (late && first && sent === 1) return;
      sent++;
      response.write("event: keepAlive\ndata: \n\n");
    }, 1500);
    request.on("close", () => clearInterval(timer));
  });
  return new Promise(done => server.listen(0, "127.0.0.1", () => {
    const subscription = new Subscription({
      url: `http:${"//"}127.0.0.1:${server.address().port}/`,
      keepAlive: { intervalMs: 2500 },
      onNext: () => news++,
    });
    setTimeout(() => {
      subscription.unsubscribe();
      done({ times: connections.map(time => ((time - connections[0]) / 1000).toFixed(1)), news });
    }, 14000);
  }));
}

(async () => {
  const [well, late] = await Promise.all([watch(false), watch(true)]);
  console.log("without a pause, connections after", well.times, "seconds, and", well.news, "event");
  console.log("with one pause, connections after", late.times, "seconds, and", late.news, "events");
  assert.equal(well.times.length, 1);
  assert.ok(late.times.length >= 6);
  assert.ok(late.news >= 5);
  const waits = late.times.slice(2).map((time, place) => time - late.times[place + 1]);
  assert.ok(waits.every(wait => wait < 1.45));
  console.log("as described: no connection lives long enough to be told that it does");
  process.exit();
})();
JS
node finding.js
