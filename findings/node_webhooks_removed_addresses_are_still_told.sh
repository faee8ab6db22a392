#!/usr/bin/env bash
# node-webhooks (npm): an address that was removed from an event is still called for it, if it has a second event.
#
# Guess: add(name, url) and remove(name, url) keep a list of addresses for each name. remove() answers true if it took the address
# off, and trigger(name) calls those that are left. One address for several names is what a receiver with one door has.
# Happens: the function that calls an address is remembered by the address alone, for all names and all WebHooks objects of
# the process, and the second add() replaces it. remove() of the first name then looks for the second name's function, and finds
# nothing: the answer is true, the stored list is empty, and the address is called on. remove() of the second name raises
# an error ("removeListener only takes instances of Function") after the list was changed; it is called on as well.
# remove() with the name alone takes all off, and a restart, which reads the list.
# Hurts: shops that unsubscribe from "seen" and keep "final": they are told, and may credit, what is not final.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund node-webhooks@1.4.2 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const http = require("http");
const WebHooks = require("node-webhooks");
console.log("node-webhooks", require("./node_modules/node-webhooks/package.json").version);

const calls = [];
const server = http.createServer((request, response) => {
  let body = "";
  request.on("data", data => { body += data; }).on("end", () => { calls.push(JSON.parse(body)); response.end("{}"); });
});
server.listen(0, "127.0.0.1", async () => {
  const url = `http:${"//"}127.0.0.1:${server.address().port}/told`;
  const hooks = new WebHooks({ db: {} });
  // Calls go out in the order of trigger(), to one server; the last one is always heard.
  const told = async (...names) => {
    calls.length = 0;
    for (const name of names) hooks.trigger(name, name);
    hooks.trigger("mark", "mark");
    for (let turn = 0; calls.length < names.length + 1 && turn < 200; turn++) await new Promise(done => setTimeout(done, 10));
    return calls.filter(name => name !== "mark").sort();
  };
  await hooks.add("mark", `${url}/mark`);
  await hooks.add("seen", url);
  await hooks.add("final", url);
  assert.deepEqual(await told("seen", "final"), ["final", "seen"]);

  const removed = await hooks.remove("seen", url);
  const first = [removed, (await hooks.getDB()).seen, await told("seen", "final")];
  console.log('after remove("seen"):  answer', first[0], "list", first[1], "called for", first[2]);
  assert.deepEqual(first, [true, [], ["final", "seen"]]);

  const answer = await hooks.remove("final", url).catch(error => error.message);
  const second = [answer, (await hooks.getDB()).final, await told("seen", "final")];
  console.log('after remove("final"): answer', JSON.stringify(second[0]), "list", second[1], "called for", second[2]);
  assert.deepEqual(second, ["removeListener only takes instances of Function", [], ["final", "seen"]]);

  await hooks.add("single", `${url}/single`);
  assert.equal(await hooks.remove("single", `${url}/single`), true);
  assert.deepEqual(await told("single"), []);
  console.log("as described: what was removed is told");
  process.exit();
});
JS
node --no-deprecation finding.js
