#!/usr/bin/env bash
# wireguard-tools (npm): each peer's PersistentKeepalive is lost, of several AllowedIPs the first line stays, and "[" ends a peer.
#
# Guess: a configuration that is parsed and written again (its read-me shows just that, to add a peer) has the same peers with the same
# settings. In wg(8) AllowedIPs may be given several times, and an IPv6 endpoint stands in brackets: [2001:db8::1]:51820.
# Happens: PersistentKeepalive of a peer is looked up in the interface's section, where it never is: it is gone from the object and from the
# file that is written. Of several AllowedIPs lines all but the first are dropped. A peer ends at the next "[", also at the one of an IPv6
# endpoint: what stands behind it is dropped without an error, or "No allowedIps found" is thrown if that was among it. FwMark,
# SaveConfig and comments are not kept.
# Hurts: nodes behind NAT: after a tool added one peer, nobody can reach them once the router's mapping is forgotten, minutes
# later; networks behind a peer have no route; peers with IPv6 endpoints lose endpoint and preshared key.
# Way out: none within the package; write keepalives anew after parse(), one AllowedIPs line, host names instead of IPv6 addresses.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts wireguard-tools@0.1.0 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const { WgConfig } = require("wireguard-tools");
console.log("wireguard-tools", require("wireguard-tools/package.json").version);

const [mine, peer, shared] = [1, 2, 3].map((byte) => Buffer.from([...Array(31).fill(byte), 64]).toString("base64"));
const text = (endpoint) => `[Interface]
Address = 10.0.0.1/24
PrivateKey = ${mine}
ListenPort = 51820

[Peer]
PublicKey = ${peer}
AllowedIPs = 10.0.0.2/32
AllowedIPs = 10.1.0.0/16
Endpoint = ${endpoint}
PresharedKey = ${shared}
PersistentKeepalive = 25
`;
const again = (source) => {
  const config = new WgConfig({ filePath: "wg0.conf" });
  config.parse(source);
  return config;
};

const config = again(text("192.0.2.9:51820"));
console.log("IPv4 endpoint:", config.peers[0], "\nwritten:\n" + config.toString());
assert.deepStrictEqual(config.peers, [
  { allowedIps: ["10.0.0.2/32"], publicKey: peer, endpoint: "192.0.2.9:51820", preSharedKey: shared },
]);
assert.doesNotMatch(config.toString(), /PersistentKeepalive|10\.1\.0\.0/);

const six = again(text("[2001:db8::1]:51820"));
console.log("IPv6 endpoint:", six.peers[0]);
assert.deepStrictEqual(six.peers, [{ allowedIps: ["10.0.0.2/32"], publicKey: peer }]);

const endpointFirst = text("").replace("Endpoint = \n", "").replace("AllowedIPs", "Endpoint = [2001:db8::1]:51820\nAllowedIPs");
assert.throws(() => again(endpointFirst), (error) => {
  console.log("IPv6 endpoint before AllowedIPs:", error.code);
  return error.code === "invalid_peer";
});

// What the object is given by the program itself is written.
config.peers[0].persistentKeepalive = 25;
assert.match(config.toString(), /PersistentKeepalive = 25/);
assert.equal(again(config.toString()).peers[0].persistentKeepalive, undefined);
console.log("as described: settings of peers are lost");
JS
node finding.js
