#!/usr/bin/env bash
# @mempool/electrum-client and @lily-technologies/electrum-client (npm): the result null arrives as an object, so each unused
# address has a status.
#
# Guess: a request resolves with the member "result" of the answer. The protocol answers blockchain.scripthash.subscribe with a
# hash for a script that has a history, and with null for one that has none; wallets look for the first null.
# Happens: a result that JavaScript takes for false (null, 0, false, "") is replaced by the whole answer, an object with
# jsonrpc, id and result. `if (status)` holds for each script, and a number may be an object. The package electrum-client,
# from which both descend, gives null.
# Hurts: wallets that look for used addresses until a number of them is unused: they never find one, derive and subscribe for
# ever, or never give out an address again. With a test wallet whose addresses are all used nothing shows.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts \
  @mempool/electrum-client@1.1.9 @lily-technologies/electrum-client@1.1.8 electrum-client@0.0.6 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const net = require("net");
const used = "ab".repeat(32);
const results = {
  "blockchain.scripthash.subscribe": ([script]) => (script === used ? "cd".repeat(32) : null),
  "blockchain.relayfee": () => 0,
  "blockchain.transaction.get": () => "",
};
const server = net.createServer((socket) => {
  let text = "";
  socket.on("error", () => {});
  socket.on("data", (data) => {
    const lines = (text += data).split("\n");
    text = lines.pop();
    for (const { id, method, params } of lines.map((line) => JSON.parse(line))) {
      socket.write(JSON.stringify({ jsonrpc: "2.0", id, result: results[method](params) }) + "\n");
    }
  });
});

async function main() {
  const answer = (id, result) => ({ jsonrpc: "2.0", id, result });
  const whole = ["cd".repeat(32), answer(2, null), answer(3, 0), answer(4, "")];
  const expected = {
    "electrum-client": ["cd".repeat(32), null, 0, ""],
    "@mempool/electrum-client": whole,
    "@lily-technologies/electrum-client": whole,
  };
  for (const [name, wanted] of Object.entries(expected)) {
    const Client = require(name);
    const client = new Client(server.address().port, "127.0.0.1", "tcp");
    await client.connect();
    const got = [
      await client.request("blockchain.scripthash.subscribe", [used]),
      await client.request("blockchain.scripthash.subscribe", ["ef".repeat(32)]),
      await client.request("blockchain.relayfee", []),
      await client.request("blockchain.transaction.get", ["00".repeat(32)]),
    ];
    console.log(name, require(`${name}/package.json`).version);
    console.log("  status of a used script:", got[0].slice(0, 8) + "...");
    console.log("  status of an unused one:", JSON.stringify(got[1]), got[1] ? "(used?)" : "");
    console.log("  a fee of 0:", JSON.stringify(got[2]));
    assert.deepStrictEqual(got, wanted);
    client.close();
  }
  console.log("as described: results that are null or 0 come as objects");
  process.exit(0);
}
server.listen(0, "127.0.0.1", () => main().catch((error) => (console.error(error), process.exit(1))));
JS
node finding.js
