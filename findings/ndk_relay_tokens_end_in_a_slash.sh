#!/usr/bin/env bash
# @nostr-dev-kit/ndk (npm, Nostr): a relay's address with a query gets a slash at its end, so that its token is another one.
#
# Guess: NDK brings addresses of relays into one form, so that one relay is not connected twice: lower case in the name of the host, no
# standard port, a slash where there is no path. What follows (path, query with a token or a filter) goes to the relay as it is.
# Happens: all that is done to ws and wss addresses is that a slash is added to whatever does not end in one: relay/?token=abc
# becomes relay/?token=abc/, and /inbox becomes /inbox/. The connection is made with that: the relay reads the token "abc/".
# Relay.Example, relay.example and relay.example:443 stay three relays. Threads by the older rules of NIP-10 are cut: of three or more
# "e" tags without marks the first is the root, getRootTag() finds none.
# Hurts: users of paid and filtering relays, who have their key or their settings in the address: refused, or shown something else.
# Way out: a parameter of no meaning at the end (?token=abc&z=), which takes the slash; addresses in lower case.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts @nostr-dev-kit/ndk@3.0.3 ws@8.18.0 >/dev/null
cat >try.mjs <<'JS'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import NDK, { getRootTag, NDKEvent, normalizeRelayUrl } from "@nostr-dev-kit/ndk";
import { WebSocket, WebSocketServer } from "ws";

console.log("@nostr-dev-kit/ndk", JSON.parse(readFileSync("node_modules/@nostr-dev-kit/ndk/package.json")).version);
globalThis.WebSocket ??= WebSocket;
const scheme = "wss:" + "//";
for (const [given, expected] of [
    ["Relay.Example", "Relay.Example/"], ["relay.example/?token=abc", "relay.example/?token=abc/"], ["relay.example/inbox", "relay.example/inbox/"],
    ["relay.example:443", "relay.example:443/"],
]) {
    const got = normalizeRelayUrl(scheme + given);
    console.log(`${given} becomes ${got.slice(scheme.length)}`);
    assert.equal(got, scheme + expected);
}

// What a relay is asked for.
const relay = new WebSocketServer({ host: "127.0.0.1", port: 0 });
const tokens = [];
relay.on("connection", (socket, request) => tokens.push(new URLSearchParams(request.url.split("?")[1]).get("token")));
await new Promise((done) => relay.once("listening", done));
const address = "ws:" + `//127.0.0.1:${relay.address().port}/?token=abc`;
await new Promise((done) => new WebSocket(address).once("open", done));
const ndk = new NDK({ enableOutboxModel: false, explicitRelayUrls: [address] });
await ndk.connect(5000);
await new Promise((done) => setTimeout(done, 500));
console.log("the relay got the tokens:", tokens[0], "of a plain connection,", tokens[1], "of NDK");
assert.deepEqual(tokens.slice(0, 2), ["abc", "abc/"]);

const root = (count) => {
    const tags = ["1", "2", "3", "4"].slice(0, count).map((digit) => ["e", digit.repeat(64)]);
    return getRootTag(new NDKEvent(undefined, { kind: 1, content: "", created_at: 1, pubkey: "a".repeat(64), tags }))?.[1]?.[0] ?? "none";
};
const roots = [1, 2, 3, 4].map(root);
console.log('the root of 1, 2, 3 and 4 "e" tags without marks:', roots.join(", "));
assert.deepEqual(roots, ["1", "1", "none", "none"]);
console.log("as described: a slash at the end of the token");
process.exit(0);
JS
node try.mjs
