#!/usr/bin/env bash
# bitcoin-simple-rpc and @btc-helpers/rpc (npm): a payment that the node refuses is undefined instead of an error.
#
# Guess: the first client throws "BitcoinRpcError: an error was returned by the bitcoind instance", the second an Error with code and
# message. An argument that is undefined is left to the node: it is null, and those behind it stay in their places.
# Happens: each request says "jsonrpc": "2.0". Bitcoin Core, from version 28.0 on, answers such requests as JSON-RPC 2.0 does over
# HTTP: with status 200, also if there is an error and no result. The clients look for an error where the status is one, and
# otherwise give the result, which is undefined, so that sendToAddress() of more than there is resolves. Older nodes answer 500,
# and all is well. The first also cuts undefined arguments out: rescanBlockchain(undefined, 500), "up to block 500", asks for a
# scan from 500 on; getTransaction(id, undefined, true), for the decoded transaction, asks for watch-only ones.
# Hurts: shops after an update of their node: payouts without funds, wrong addresses and locked wallets are all "done".
# Way out: take undefined for an error, except where null is a result; give all arguments, null for none.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund bitcoin-simple-rpc@0.0.4 @btc-helpers/rpc@2.0.0 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const http = require("http");
const { Client } = require("bitcoin-simple-rpc");
const { default: RpcClient } = require("@btc-helpers/rpc");
for (const name of ["bitcoin-simple-rpc", "@btc-helpers/rpc"]) {
  console.log(name, require(`./node_modules/${name}/package.json`).version);
}

// Answers as nodes do: errors with status 200 and no result for requests of version 2.0, or, if older, with 500 and both.
function node(older) {
  const asked = [];
  const server = http.createServer(async (request, response) => {
    let body = "";
    for await (const data of request) body += data;
    const { jsonrpc, id, method, params } = JSON.parse(body);
    assert.equal(jsonrpc, "2.0");
    if (Array.isArray(params)) asked.push([method, ...params]);
    const error = method === "sendtoaddress" ? { code: -6, message: "Insufficient funds" } : undefined;
    const version = older ? {} : { jsonrpc };
    response.statusCode = older && error ? 500 : 200;
    response.setHeader("Content-Type", "application/json");
    const answer = older ? { result: error ? null : {}, error: error ?? null } : error ? { error } : { result: {} };
    response.end(JSON.stringify({ ...version, ...answer, id }));
  });
  return new Promise(done => server.listen(0, "127.0.0.1", () => {
    const place = `127.0.0.1:${server.address().port}`;
    done([new Client({ baseURL: `http:${"//"}${place}/` }), asked, new RpcClient(`http:${"//"}user:word@${place}`)]);
  }));
}

(async () => {
  const outcome = promise => promise.then(value => `resolves to ${value}`, error => `throws ${error.message}`);
  for (const older of [true, false]) {
    const [client, , helper] = await node(older);
    const outcomes = [
      await outcome(client.sendToAddress("address", 1000)),
      await outcome(helper.Typed.sendToAddress({ address: "address", amount: 1000 })),
    ];
    console.log(older ? "an older node:" : "a node that speaks JSON-RPC 2.0:", outcomes);
    for (const text of outcomes) {
      if (older) assert.match(text, /throws .*Insufficient funds/);
      else assert.equal(text, "resolves to undefined");
    }
  }
  const [client, asked] = await node(false);
  await client.rescanBlockchain(undefined, 500);
  await client.getTransaction("id", undefined, true);
  console.log("asked of the node:", asked);
  assert.deepEqual(asked, [["rescanblockchain", 500], ["gettransaction", "id", true]]);
  console.log("as described: no error, and other places");
  process.exit();
})();
JS
node finding.js
