#!/usr/bin/env bash
# wireguard-tools.js (npm): the last line of each section but the last is not read.
#
# Guess: wgQuick.parse() gives the interface and its peers with all keys it knows, in whatever order they stand in a section.
# Happens: a section ends one line before the next "[Peer]". The last line of the interface and of each peer but the last one is skipped,
# without an error: ListenPort, or DNS, or AllowedIPs, or PublicKey, whatever people write last; without its PublicKey the whole peer is
# left out. PersistentKeepalive, MTU, FwMark and Table are not read at all, and keepInterval, which the writer knows, never comes back.
# What the package writes itself ends in AllowedIPs, so that its own files lose the networks of all peers but one.
# Hurts: programs that read wg0.conf and set up the interface by it: it listens on another port, and peers have no networks, so that nothing
# is sent to them. A file with one peer and its ListenPort elsewhere works.
# Way out: end each section with a key that it does not read anyway: MTU, or PersistentKeepalive.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts wireguard-tools.js@1.8.1 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const { readFileSync } = require("fs");
const { wgQuick } = require("wireguard-tools.js");
console.log("wireguard-tools.js", JSON.parse(readFileSync("node_modules/wireguard-tools.js/package.json")).version);

const [mine, one, two, three] = [1, 2, 3, 4].map((byte) => Buffer.from([...Array(31).fill(byte), 64]).toString("base64"));
const interfaceLines = ["[Interface]", `PrivateKey = ${mine}`, "Address = 10.0.0.1/24", "ListenPort = 51820"];
const peers = [
  ["[Peer]", `PublicKey = ${one}`, "AllowedIPs = 10.0.0.2/32"],
  ["[Peer]", "AllowedIPs = 10.0.0.3/32", `PublicKey = ${two}`],
  ["[Peer]", `PublicKey = ${three}`, "AllowedIPs = 10.0.0.4/32", "PersistentKeepalive = 25"],
];
const section = (lines, end) => [...lines, ...end, ""].join("\n");
const text = (mtu, keepalive) => [section(interfaceLines, mtu), ...peers.map((lines) => section(lines, keepalive))].join("\n");

const read = wgQuick.parse(text([], []));
console.log("read:", read);
assert.deepStrictEqual(read, {
  peers: { [three]: { allowedIPs: ["10.0.0.4/32"] } },
  privateKey: mine,
  Address: ["10.0.0.1/24"],
});
const more = wgQuick.parse(text(["MTU = 1420"], ["PersistentKeepalive = 25"]));
console.log("with a key that it does not read at the end of each section:", more);
assert.deepStrictEqual(more, {
  peers: {
    [one]: { allowedIPs: ["10.0.0.2/32"] },
    [two]: { allowedIPs: ["10.0.0.3/32"] },
    [three]: { allowedIPs: ["10.0.0.4/32"] },
  },
  privateKey: mine,
  Address: ["10.0.0.1/24"],
  portListen: 51820,
});

const own = { privateKey: mine, portListen: 51820, DNS: [], peers: {} };
for (const key of [one, two]) own.peers[key] = { allowedIPs: ["10.9.0.0/16"], endpoint: "192.0.2.1:51820", keepInterval: 25 };
const back = wgQuick.parse(wgQuick.stringify(own));
console.log("its own file, read again:", back);
assert.deepStrictEqual(back, {
  peers: {
    [one]: { endpoint: "192.0.2.1:51820" },
    [two]: { endpoint: "192.0.2.1:51820", allowedIPs: ["10.9.0.0/16"] },
  },
  privateKey: mine,
});
console.log("as described: last lines are skipped");
JS
node finding.js
