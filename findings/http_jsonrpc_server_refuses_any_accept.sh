#!/usr/bin/env bash
# http-jsonrpc-server (npm): who accepts anything is refused, and a method that returns nothing has neither result nor error.
#
# Guess: "a JSON-RPC 2.0 compliant HTTP server". "Accept: */*", which curl, fetch and most libraries send if nothing is said, includes
# JSON. Each answer to a request has a result or an error, and an error has a code and a message.
# Happens: of the Accept header only "application/json" itself counts: "*/*" and "application/*" are answered with status 400. A method
# without a return value gives {"jsonrpc":"2.0","id":1}: the result is undefined, which JSON leaves out. An unknown method has
# an error without a message. onResult is not called for results that are 0, false or empty.
# Hurts: the first try with curl or fetch fails with "Accept header must include application/json". Later, clients that test for
# "result" or "error" take the answer of a method such as "stop" for garbage, or wait on.
# Way out: set Accept in each client; return null.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund http-jsonrpc-server@1.1.2 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const RpcServer = require("http-jsonrpc-server");
console.log("http-jsonrpc-server", require("./node_modules/http-jsonrpc-server/package.json").version);

(async () => {
  const told = [];
  const methods = { height: () => 7, zero: () => 0, nothing: () => {}, null: () => null };
  const server = new RpcServer({ methods, onResult: result => told.push(result) });
  const port = await server.listen(0, "127.0.0.1");
  async function ask(method, headers = {}) {
    const answer = await fetch(`http:${"//"}127.0.0.1:${port}/`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method }),
    });
    const text = await answer.text();
    console.log(method, headers, answer.status, text);
    return [answer.status, text];
  }

  const right = [200, '{"jsonrpc":"2.0","id":1,"result":7}'];
  const json = { Accept: "application/json" };
  assert.deepEqual(await ask("height", json), right);
  assert.equal((await ask("height"))[0], 400); // fetch says */*
  assert.equal((await ask("height", { Accept: "application/*" }))[0], 400);
  assert.deepEqual(await ask("height", { Accept: "text/plain, application/json" }), right);
  assert.deepEqual(await ask("null", json), [200, '{"jsonrpc":"2.0","id":1,"result":null}']);
  assert.deepEqual(await ask("nothing", json), [200, '{"jsonrpc":"2.0","id":1}']);
  assert.deepEqual(await ask("missing", json), [200, '{"jsonrpc":"2.0","id":1,"error":{"code":-32601}}']);
  await ask("zero", json);
  console.log("onResult was told", told);
  assert.deepEqual(told, [7, 7]);
  console.log("as described: anything is not JSON, and nothing is no result");
  process.exit();
})();
JS
node finding.js
