#!/usr/bin/env bash
# @silentbot1/nat-api never renews a NAT-PMP mapping, though autoUpdate is on by default.
#
# Guess: `autoUpdate` ("refresh all the port mapping to keep them from expiring") asks the gateway again before the two hours
# of a mapping are over, as long as the program runs.
# Happens: the timer is there and fires ten minutes before the end, and its function binds the arguments of the request
# without calling it. Nothing is sent. With UPnP the same timer calls its function.
# Hurts: BitTorrent and other peer-to-peer programs behind routers with NAT-PMP: they can be reached for two hours after the
# start, and then never again, while the program goes on announcing the port.
# (Needs Node.js 20.4 or newer for its mock timers, and the UDP ports 5350 and 5351 on the loopback address.)
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund @silentbot1/nat-api@0.4.9 >/dev/null
# The package asks `ip` for the default gateway: it is this machine.
mkdir bin
printf '#!/bin/sh\necho "default via 127.0.0.1 dev lo"\n' >bin/ip
chmod +x bin/ip
cat >finding.mjs <<'JS'
import assert from "assert";
import dgram from "dgram";
import { readFileSync } from "fs";
import { mock } from "node:test";
import NatAPI from "@silentbot1/nat-api";
console.log("@silentbot1/nat-api", JSON.parse(readFileSync("node_modules/@silentbot1/nat-api/package.json")).version);

// A gateway (RFC 6886) that grants what it is asked for.
const asked = [];
const gateway = dgram.createSocket("udp4");
gateway.on("message", (request, from) => {
  assert.strictEqual(request[1], 2);
  const answer = Buffer.alloc(16);
  answer[1] = 130;
  answer.writeUInt32BE(1000, 4);
  request.copy(answer, 8, 4);
  asked.push({ port: request.readUInt16BE(6), seconds: request.readUInt32BE(8) });
  gateway.send(answer, from.port, from.address);
});
await new Promise((resolve) => gateway.bind(5351, "127.0.0.1", resolve));

mock.timers.enable({ apis: ["setInterval"] });
const client = new NatAPI({ enableUPNP: false });
assert(await client.map({ publicPort: 4130, privatePort: 4130, protocol: "TCP" }));
console.log("asked when it starts:", asked);
assert.deepStrictEqual(asked, [{ port: 4130, seconds: 7200 }]);

let hours = 0;
setInterval(() => hours++, 3_600_000);
for (let hour = 0; hour < 24; hour++) {
  mock.timers.tick(3_600_000);
  await new Promise((resolve) => setTimeout(resolve, 100));
}
console.log(`asked ${hours} hours later: ${asked.length - 1} more times`);
assert.strictEqual(hours, 24);
assert.strictEqual(asked.length, 1);
console.log("as described: the mapping ends after two hours");
process.exit(0);
JS
PATH=$dir/bin:$PATH NODE_NO_WARNINGS=1 timeout 60 node finding.mjs
