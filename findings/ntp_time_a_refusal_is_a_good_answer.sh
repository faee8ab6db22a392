#!/usr/bin/env bash
# ntp-time (npm): an answer of stratum 0, by which a time server refuses, is given as one of stratum 2, with a time.
#
# Guess: stratum 0 in an answer is a kiss-o'-death (RFC 4330, section 8; RFC 5905, section 7.4): no time, but a code such as RATE or DENY in
# the reference identifier, after which a client must ask less or no more. syncTime() rejects, or shows the field as it is.
# Happens: syncTime() resolves. stratum is 2, since 0 counts as "not given"; a poll interval of 0 is 10 for the same reason. `time`
# is made of the answer's time of receipt, whatever stands there: with zeros, which a refusal may have, it is 1900. What says that
# it is a refusal is the four letters in referenceIdentifier alone.
# Hurts: nodes behind one address that ask a public server too often: they set their clock by the refusals, to 1900 or to what they sent
# themselves, and go on asking, for which servers block them. A check of the stratum, the right one, does not help.
# Way out: take an answer for a time only if referenceIdentifier is none of the codes and transmitTimestamp is above 0.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts ntp-time@2.1.1 >/dev/null
cat >try.cjs <<'JS'
const assert = require("node:assert");
const dgram = require("node:dgram");
const { Client } = require("ntp-time");
console.log("ntp-time", require("ntp-time/package.json").version);

const EPOCH = 2208988800;
const NOON = Date.UTC(2026, 0, 5, 12) / 1000;
/** Answers: a refusal without times, a refusal that echoes the asker's, and a time by a server of stratum 1. */
const answers = [
    { stratum: 0, code: "RATE", time: () => 0 },
    { stratum: 0, code: "RATE", time: (request) => request.readUInt32BE(40) },
    { stratum: 1, code: "GPS\0", time: () => NOON + EPOCH },
];
const server = dgram.createSocket("udp4");
let answer;
server.on("message", (request, { port, address }) => {
    const packet = Buffer.alloc(48);
    packet[0] = (answer.stratum === 0 ? 0xc0 : 0) | (request[0] & 0x38) | 4;
    packet[1] = answer.stratum;
    packet.write(answer.code, 12, "latin1");
    request.copy(packet, 24, 40, 48);
    packet.writeUInt32BE(answer.time(request), 32);
    packet.writeUInt32BE(answer.time(request), 40);
    server.send(packet, port, address);
});
server.bind(0, "127.0.0.1", async () => {
    const seen = [];
    for (answer of answers) {
        const told = await new Client("127.0.0.1", server.address().port, { timeout: 3000 }).syncTime();
        const line = { stratum: told.stratum, pollInterval: told.pollInterval, code: told.referenceIdentifier.toString().slice(0, 4), time: told.time };
        console.log(`sent stratum ${answer.stratum}:`, JSON.stringify(line));
        seen.push(line);
    }
    server.close();
    assert.deepEqual(seen.map(({ stratum }) => stratum), [2, 2, 1]);
    assert.deepEqual(seen.map(({ pollInterval }) => pollInterval), [10, 10, 10]);
    assert.deepEqual(seen.map(({ code }) => code), ["RATE", "RATE", "GPS\0"]);
    assert.equal(seen[0].time.toISOString(), "1900-01-01T00:00:00.000Z");
    assert.ok(Math.abs(seen[1].time - Date.now()) < 60000);
    assert.equal(seen[2].time.getTime(), NOON * 1000);
    console.log("as described: stratum 0 is 2");
});
JS
node try.cjs
