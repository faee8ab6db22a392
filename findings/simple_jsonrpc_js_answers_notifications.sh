#!/usr/bin/env bash
# simple-jsonrpc-js (npm): notifications of unknown methods are answered, a batch of one is not, as a batch; and nothing is `true`.
#
# Guess: JSON-RPC 2.0: a notification is never answered, not even when its method is unknown; a batch is answered by a list, with as many
# members as it had calls; an empty batch by one error; and a procedure that gives nothing has a result of null, or the like.
# Happens: a notification of an unknown method, or with a parameter name too many, is answered by an error without an id (no valid answer). One
# whose procedure throws is too. A batch with one call is answered by the bare object, an empty batch not at all. What
# returns undefined is sent as the result true. The rest of the standard's examples come out right.
# Hurts: clients in other languages: one that counts lines per request is out of step after a notification, one that sends lists of what has
# gathered fails whenever one call has gathered; and "if (await call('delete', id))" is true whatever happened.
# Way out: undefinedResult = null (the property is in the source, not in the read-me); send single calls without a list.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts simple-jsonrpc-js@1.2.0 >/dev/null
cat >try.cjs <<'JS'
const assert = require("node:assert");
const Peer = require("simple-jsonrpc-js");
console.log("simple-jsonrpc-js", require("simple-jsonrpc-js/package.json").version);

const server = new Peer();
let sent = [];
server.toStream = (text) => sent.push(JSON.parse(text));
server.on("subtract", ["minuend", "subtrahend"], (minuend, subtrahend) => minuend - subtrahend);
server.on("fail", () => { throw new Error("no"); });
server.on("remove", () => {});
const ask = async (message) => {
    sent = [];
    await server.messageHandler(JSON.stringify(message));
    return sent;
};
const call = (id, method, params) => ({ jsonrpc: "2.0", id, method, params });
const notification = (method, params) => ({ jsonrpc: "2.0", method, params });
(async () => {
    const difference = { jsonrpc: "2.0", id: 1, result: 19 };
    assert.deepEqual(await ask(call(1, "subtract", [42, 23])), [difference]);
    assert.deepEqual(await ask(notification("subtract", [42, 23])), []);
    assert.deepEqual(await ask([call(1, "subtract", [42, 23]), call(2, "subtract", [1, 1])]), [[difference, { jsonrpc: "2.0", id: 2, result: 0 }]]);

    const told = {
        "notification of an unknown method": await ask(notification("update", [1])),
        "notification whose procedure throws": await ask(notification("fail")),
        "notification with a name too many": await ask(notification("subtract", { minuend: 2, subtrahend: 1, comment: "" })),
        "batch of one call": await ask([call(1, "subtract", [42, 23])]),
        "empty batch": await ask([]),
        "call that gives nothing": await ask(call(3, "remove", [7])),
    };
    for (const [what, answers] of Object.entries(told)) console.log(`${what}:`, JSON.stringify(answers));
    const codes = [];
    for (const [what, answers] of Object.entries(told)) {
        if (!what.startsWith("notification")) continue;
        assert.equal(answers.length, 1);
        assert.equal("id" in answers[0], false);
        codes.push(answers[0].error.code);
    }
    assert.deepEqual(codes, [-32601, -32603, -32602]);
    assert.deepEqual(told["batch of one call"], [difference]);
    assert.deepEqual(told["empty batch"], []);
    assert.deepEqual(told["call that gives nothing"], [{ jsonrpc: "2.0", id: 3, result: true }]);
    server.undefinedResult = null;
    assert.deepEqual(await ask(call(3, "remove", [7])), [{ jsonrpc: "2.0", id: 3, result: null }]);
    console.log("as described: notifications are answered, single batches are none");
})();
JS
node try.cjs
