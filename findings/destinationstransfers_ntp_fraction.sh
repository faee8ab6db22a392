#!/usr/bin/env bash
# @destinationstransfers/ntp (npm): each time that it fetches these weeks ends in .932 seconds.
#
# Guess: getNetworkTime() gives the server's transmit timestamp, whole seconds and fraction, as the package ntp-client does,
# which it says it was made from.
# Happens: the seconds are read 16 bytes before the end of the packet and the fraction 8 bytes before it. There stand the
# seconds of the receive timestamp and those of the transmit timestamp. The number of seconds since 1900 is thus taken for the
# fraction. Its third decimal changes every 50 days, and the true fraction is never read.
# Hurts: nodes that compare their clock with the result, to warn beyond 500 ms for one: the error lies anywhere between
# -68 ms and +932 ms, and the mean of many calls is still wrong by 432 ms. Whole seconds are right, and the dates look sound.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund @destinationstransfers/ntp@2.0.0 ntp-client@0.5.3 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const dgram = require("dgram");
const { promisify } = require("util");
const client = require("ntp-client");
const { getNetworkTime } = require("@destinationstransfers/ntp");
for (const name of ["@destinationstransfers/ntp", "ntp-client"]) console.log(name, require(`${name}/package.json`).version);

const write = (packet, at, milliseconds) => {
  packet.writeUInt32BE(Math.floor(milliseconds / 1000) + 2208988800, at);
  packet.writeUInt32BE(Math.ceil(((milliseconds % 1000) / 1000) * 2 ** 32), at + 4);
};

let now;
const server = dgram.createSocket("udp4");
server.on("message", (request, { port, address }) => {
  const packet = Buffer.alloc(48);
  packet.set([0x1c, 1, 4, 0xec]);
  request.copy(packet, 24, 40, 48);
  for (const at of [16, 32, 40]) write(packet, at, now);
  server.send(packet, port, address);
});

server.bind(0, "127.0.0.1", async () => {
  const { port } = server.address();
  for (const fraction of ["000", "250", "500", "750"]) {
    const sent = `2026-11-29T12:00:00.${fraction}Z`;
    now = Date.parse(sent);
    const got = (await getNetworkTime({ server: "127.0.0.1", port })).toISOString();
    const other = (await promisify(client.getNetworkTime)("127.0.0.1", port)).toISOString();
    console.log(`the server says ${sent}: @destinationstransfers/ntp ${got}, ntp-client ${other}`);
    assert.equal(got, "2026-11-29T12:00:00.932Z");
    assert.equal(other, sent);
  }
  server.close();
  console.log("as described: the fraction is made from the seconds");
});
JS
node finding.js 2> >(grep -v -i -e 'Buffer()' -e 'trace-deprecation' >&2)
