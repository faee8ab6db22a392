#!/usr/bin/env bash
# bitcoin-json-rpc (npm): the answer that there is no such block comes after 20 seconds, and a comment alone is not sent.
#
# Guess: an error of the node is thrown at once, as nothing else is said. sendToAddress(address, amount, comment) sends the comment.
# Happens: what only asks, and what the package takes for not executed, is asked five times, five seconds apart, whatever the node
# answered: "Block height out of range" is repeated until then, as are "Invalid amount" and the like of payments. The comment
# is sent only if the one behind it ("comment to") is given as well, since both are tested for that one.
# Hurts: programs that follow the chain by asking for the next height until it is there: each new block is seen up to five seconds
# late, and the error, on which they would wait, comes after 20. Payouts lose the text that ties them to an order.
# Way out: cmd(method, ...params), which asks once; an empty "comment to".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund bitcoin-json-rpc@1.4.2 >/dev/null
cat >finding.js <<'JS'
import assert from "assert";
import { readFileSync } from "fs";
import http from "http";
import module from "bitcoin-json-rpc";
const BitcoinJsonRpc = module.default ?? module;
console.log("bitcoin-json-rpc", JSON.parse(readFileSync("node_modules/bitcoin-json-rpc/package.json")).version);

const errors = {
  getblockhash: { code: -8, message: "Block height out of range" },
  sendtoaddress: { code: -3, message: "Invalid amount" },
};
const asked = [];
const server = http.createServer(async (request, response) => {
  let body = "";
  for await (const data of request) body += data;
  const { id, method, params } = JSON.parse(body);
  asked.push({ method, params, time: performance.now() });
  const error = params[0] === "good address" ? null : errors[method];
  response.statusCode = error ? 500 : 200;
  response.setHeader("Content-Type", "application/json");
  response.end(JSON.stringify({ id, result: error ? null : "00".repeat(32), error }));
});
await new Promise(done => server.listen(0, "127.0.0.1", done));
const node = new BitcoinJsonRpc(`http:${"//"}127.0.0.1:${server.address().port}`);

const fail = async (name, ...parameters) => {
  const start = performance.now();
  const message = await node[name](...parameters).then(() => "no error", error => error.message);
  return [message, Math.round((performance.now() - start) / 1000)];
};
await node.sendToAddress("good address", 0.5, "order 7");
await node.sendToAddress("good address", 0.5, "order 7", "");
console.log("asked with a comment, and with one and an empty one:", asked.map(({ params }) => params));
assert.deepEqual(asked.map(({ params }) => params), [["good address", 0.5], ["good address", 0.5, "order 7", ""]]);

asked.length = 0;
const [height, amount, once] = await Promise.all([
  fail("getBlockHashFromHeight", 1000000),
  fail("sendToAddress", "bad address", -1),
  fail("cmd", "getblockhash", 1000001),
]);
const times = name => asked.filter(({ method }) => method === name).length;
console.log(height, amount, once, `asked for a height ${times("getblockhash")} times, to pay ${times("sendtoaddress")} times`);
assert.equal(height[0], "Block height out of range");
assert.equal(amount[0], "Invalid amount");
assert.ok(height[1] >= 20 && amount[1] >= 20);
assert.ok(once[0] === "Block height out of range" && once[1] < 10);
assert.deepEqual([times("getblockhash"), times("sendtoaddress")], [6, 5]);
console.log("as described: five times, 20 seconds");
process.exit();
JS
node finding.js
