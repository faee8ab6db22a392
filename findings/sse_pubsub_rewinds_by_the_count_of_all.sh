#!/usr/bin/env bash
# sse-pubsub (npm): a client that follows some names alone gets old events again when it comes back.
#
# Guess: a client that brings Last-Event-ID gets what came after it, of the names that it follows. Each event is stored with its
# number. If the channel counts anew after a restart, such a client gets all that is kept, or nothing. Any data can be sent.
# Happens: the number is only subtracted from the newest one, and that many of the stored events are sent, counted from the end
# after those of other names were left out. Each event of another name since then brings back one that was seen already. If
# the number is of before a restart and larger, that many events are cut off at the start instead: of three new ones, with a
# difference of two, the last one is sent. Text with an empty line comes without it, a number raises TypeError.
# And the pings, each three seconds, are events with empty data, for which JSON.parse raises, and not comments.
# Hurts: who credits payments from a channel on which blocks are told too: the same payment with the same number arrives again, all
# the more often, the longer the line was cut. Clients that follow all names, as in the examples and tests, are right.
# Way out: remember the largest number that was handled; a channel for each kind of event; a startId that never repeats.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund sse-pubsub@1.4.5 eventsource-parser@3.0.6 >/dev/null
cat >finding.mjs <<'JS'
import assert from "assert";
import { readFileSync } from "fs";
import http from "http";
import SSEChannel from "sse-pubsub";
import { createParser } from "eventsource-parser";
console.log("sse-pubsub", JSON.parse(readFileSync("node_modules/sse-pubsub/package.json")).version);

async function serve(channel) {
  const server = http.createServer((request, response) => {
    const names = new URL(request.url, "local:/").searchParams.getAll("name");
    channel.subscribe(request, response, names.length ? names : undefined);
  });
  await new Promise(done => server.listen(0, "127.0.0.1", done));
  return (path, last, count) => new Promise(done => {
    const seen = [];
    const enough = () => seen.length >= count; // what is stored comes in one piece
    const headers = { "last-event-id": last };
    const request = http.get({ port: server.address().port, host: "127.0.0.1", path, headers, agent: false }, response => {
      const parser = createParser({ onEvent: ({ id, data }) => { seen.push(id ? `${id}: ${data}` : data); } });
      const finish = () => { response.destroy(); done(seen); };
      response.on("error", () => {}).on("data", data => { parser.feed(String(data)); if (enough()) finish(); });
    });
    request.on("error", () => {});
  });
}

const channel = new SSEChannel({ pingInterval: 0 });
const ask = await serve(channel);
for (const number of [1, 2, 3]) channel.publish(`payment ${number}`, "payment");
for (const number of [1, 2, 3, 4, 5]) channel.publish(`block ${number}`, "block");
channel.publish("payment 4", "payment");
const [some, all] = [await ask("/?name=payment", 3, 4), await ask("/", 3, 6)];
console.log("after 3, payments alone:", some);
console.log("after 3, all events:    ", all);
assert.deepEqual(some, ["1: payment 1", "2: payment 2", "3: payment 3", "9: payment 4"]);
assert.deepEqual(all, ["4: block 1", "5: block 2", "6: block 3", "7: block 4", "8: block 5", "9: payment 4"]);

channel.publish("two\n\nparagraphs");
assert.deepEqual(await ask("/", 9, 1), ["10: two\nparagraphs"]);
assert.throws(() => channel.publish(1000), TypeError);

const restarted = new SSEChannel({ pingInterval: 20 });
const ask_again = await serve(restarted);
for (const number of [5, 6, 7]) restarted.publish(`payment ${number}`, "payment");
const later = await ask_again("/", 5, 3);
console.log("after 5, of a channel that has counted 3 since its restart, with two pings:", later);
assert.deepEqual(later, ["3: payment 7", "", ""]);
console.log("as described: the number of events is taken for a place");
process.exit();
JS
node finding.mjs
