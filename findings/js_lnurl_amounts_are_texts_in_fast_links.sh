#!/usr/bin/env bash
# js-lnurl (npm): of a fast withdrawal link, the amounts are texts; "10000" is less than "9000".
#
# Guess: getParams() of a Lightning withdrawal link gives minWithdrawable and maxWithdrawable as numbers, as its types say and as it does
# when it has asked the server. Where the link carries all the parameters (LUD-08), it spares the request and gives the same.
# Happens: what stands in the link is handed on as text, the types notwithstanding. Comparisons of the two go letter by letter: of a link
# for 9,000 to 10,000 millisatoshi the most is less than the least. "+" puts the digits one after the other.
# Hurts: wallets: a check "least <= amount <= most" within numbers is right, one between the two texts is not, and a fee reserve added to
# the amount makes it a thousand times as much. Servers tested against answer in JSON, where all is well.
# Way out: Number() for both after getParams().
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts js-lnurl@0.6.0 >/dev/null
cat >try.cjs <<'JS'
const assert = require("node:assert");
const { readFileSync } = require("node:fs");
const { createServer } = require("node:http");
const bech32 = require("bech32");
const { getParams } = require("js-lnurl");
const path = require("node:path");
console.log("js-lnurl", require("js-lnurl/package.json").version);
const types = readFileSync(path.join(path.dirname(require.resolve("js-lnurl")), "types.d.ts"), "utf8");
assert.match(types, /minWithdrawable: number;\s+maxWithdrawable: number;/);

const callback = ["https:", "", "wallet.example", "cb"].join("/");
const given = { tag: "withdrawRequest", k1: "00", minWithdrawable: 9000, maxWithdrawable: 10000, defaultDescription: "a refund", callback };
const link = (query) => ["lnurlw:", "", `wallet.example/w?${query}`].join("/");
(async () => {
    const fast = await getParams(link(new URLSearchParams(given)));
    console.log("in the link:", fast.minWithdrawable, fast.maxWithdrawable, typeof fast.maxWithdrawable);
    console.log("  most >= least:", fast.maxWithdrawable >= fast.minWithdrawable, "| most + 1000:", fast.maxWithdrawable + 1000);
    assert.deepEqual([fast.tag, fast.domain, fast.minWithdrawable, fast.maxWithdrawable], ["withdrawRequest", "wallet.example", "9000", "10000"]);
    assert.equal(fast.maxWithdrawable >= fast.minWithdrawable, false);
    assert.equal(fast.maxWithdrawable + 1000, "100001000");
    const server = createServer((request, response) => response.end(JSON.stringify(given))).listen(0, "127.0.0.1");
    await new Promise((done) => server.once("listening", done));
    const address = ["http:", "", `127.0.0.1:${server.address().port}`, "w"].join("/");
    const asked = await getParams(bech32.encode("lnurl", bech32.toWords(Buffer.from(address)), 2000));
    server.close();
    console.log("from the server:", asked.minWithdrawable, asked.maxWithdrawable, typeof asked.maxWithdrawable);
    assert.deepEqual([asked.tag, asked.minWithdrawable, asked.maxWithdrawable], ["withdrawRequest", 9000, 10000]);
    console.log("as described: a fast link's amounts are texts");
})();
JS
node try.cjs
