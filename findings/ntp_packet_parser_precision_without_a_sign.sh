#!/usr/bin/env bash
# ntp-packet-parser (npm): a server that is precise to a microsecond is said to be so to 2^236 seconds, and after 2036 it is 1900.
#
# Guess: the package parses answers "according to RFC 5905". There the precision is a signed number of eight bits, "in log2
# seconds": -20 for about a microsecond, and its documentation says to apply Math.pow(2, value). A time whose highest bit is not
# set is one after 2036-02-07 06:28:16, since nothing else can be meant: no answer of today has such a time.
# Happens: the eight bits are read without a sign: -20 is 236, -6 is 250, and 2^236 seconds are more than the age of the universe.
# Times are counted from 1900 only, so that the first second after the change is 1900-01-01 00:00:00. Stratum, root
# delay and times until then are right.
# Hurts: clients that weigh servers by their precision, or add it to the error of a measurement as the RFC does: each server is as
# bad as can be, and is dropped. The second is for devices that run for ten years, and for tests of that day.
# Way out: (value << 24) >> 24; add 2^32 seconds to times before 1968.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund ntp-packet-parser@0.5.0 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const { NtpPacketParser } = require("ntp-packet-parser");
console.log("ntp-packet-parser", require("ntp-packet-parser/package.json").version);

const SINCE_1900 = 2208988800;
/** An answer of a server of stratum 1, sent at a time in whole seconds since 1970. */
function answer(precision, time) {
  const packet = Buffer.alloc(48);
  packet[0] = 0x24; // no warning, version 4, server
  packet[1] = 1;
  packet[2] = 6;
  packet.writeInt8(precision, 3);
  packet.writeUInt32BE(0x00008000, 4); // root delay: half a second
  packet.write("GPS", 12, "ascii");
  packet.writeUInt32BE((time + SINCE_1900) % 2 ** 32, 40);
  packet.writeUInt32BE(0x80000000, 44);
  return NtpPacketParser.parse(packet);
}

const today = Date.parse("2026-11-29T00:00:00Z") / 1000;
for (const [precision, wanted] of [
  [-6, 250],
  [-20, 236],
  [-24, 232],
  [0, 0],
]) {
  const read = answer(precision, today);
  console.log(`precision ${precision} is ${read.precision}: ${Math.pow(2, read.precision)} instead of ${2 ** precision} seconds`);
  assert.equal(read.precision, wanted);
  assert.equal(read.stratum, 1);
  assert.equal(+read.rootDelay + SINCE_1900 * 1000, 500);
}
const change = 2 ** 32 - SINCE_1900;
for (const [time, wanted] of [
  [today, "2026-11-29T00:00:00.500Z"],
  [change - 1, "2036-02-07T06:28:15.500Z"],
  [change, "1900-01-01T00:00:00.500Z"],
  [change + 86400, "1900-01-02T00:00:00.500Z"],
]) {
  const read = answer(-20, time).transmitTimestamp.toISOString();
  console.log(`${new Date(time * 1000 + 500).toISOString()} is ${read}`);
  assert.equal(read, wanted);
}
console.log("as described: no sign, and no time after 2036");
JS
node finding.js
