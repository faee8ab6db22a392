#!/usr/bin/env bash
# @achingbrain/nat-port-mapper asks a NAT-PMP gateway for another port than it was told, and for 41 days instead of an hour.
#
# Guess: `map(3000, host, { externalPort: 2000 })`, which is its own example, asks for public port 2000; `ttl` is documented in
# milliseconds with one hour as the default, and NAT-PMP counts seconds, so 3,600 is sent.
# Happens: the option is renamed on its way and then looked up by its old name, so the private port is asked for as public
# port. The milliseconds are sent as seconds: 3,600,000, which is 41 days.
# Hurts: nodes behind home routers. The port that was announced, or opened to friends, is closed and another one is open; and
# a mapping outlives its node by weeks, when the router has long given the address to another device.
# (Needs the UDP ports 5350 and 5351, which the protocol fixes, on the loopback address.)
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund @achingbrain/nat-port-mapper@4.0.5 >/dev/null
cat >finding.mjs <<'JS'
import assert from "assert";
import dgram from "dgram";
import { readFileSync } from "fs";
import { pmpNat } from "@achingbrain/nat-port-mapper";
const { version } = JSON.parse(readFileSync("node_modules/@achingbrain/nat-port-mapper/package.json"));
console.log("@achingbrain/nat-port-mapper", version);

// A gateway (RFC 6886) that grants what it is asked for.
const asked = [];
const gateway = dgram.createSocket("udp4");
gateway.on("message", (request, from) => {
  const operation = request[1];
  const answer = Buffer.alloc(operation === 0 ? 12 : 16);
  answer[1] = 128 + operation;
  answer.writeUInt32BE(1000, 4);
  if (operation === 0) {
    answer.set([192, 0, 2, 1], 8);
  } else {
    asked.push({ private: request.readUInt16BE(4), public: request.readUInt16BE(6), seconds: request.readUInt32BE(8) });
    request.copy(answer, 8, 4);
  }
  gateway.send(answer, from.port, from.address);
});
await new Promise((resolve) => gateway.bind(5351, "127.0.0.1", resolve));

const client = pmpNat("127.0.0.1");
const options = { externalPort: 2000, protocol: "udp", autoRefresh: false };
const mapping = await client.map(3000, "192.168.1.123", options);
console.log("wanted: private port 3000, public port 2000, one hour");
console.log("asked: ", asked[0]);
console.log("told:  ", mapping);
assert.deepStrictEqual(asked, [{ private: 3000, public: 3000, seconds: 3_600_000 }]);
assert.strictEqual(mapping.externalPort, 3000);
console.log("as described: public port 3000 for", Math.floor(asked[0].seconds / 86400), "days");
process.exit(0);
JS
timeout 60 node finding.mjs
