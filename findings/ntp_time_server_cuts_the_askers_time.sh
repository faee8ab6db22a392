#!/usr/bin/env bash
# ntp-time (npm): its server gives the asker's time back without the fraction, and its own in whole seconds.
#
# Guess: a server copies the asker's transmit timestamp, all 64 bits of it, into the answer's originate field, and fills in when it received
# the request (RFC 4330, section 5; RFC 5905, section 8). The handler has to set the transmit timestamp and nothing else.
# Happens: before the handler is called, both are rounded down to whole seconds. What comes back is not what was sent, unless that had no
# fraction; the time of receipt is up to a second old, whatever transmit timestamp the handler sets.
# Hurts: nodes that take their time from it: clients that compare the originate field with what they sent, as both RFCs ask for (ntpd,
# chrony, systemd-timesyncd), take each answer for a stray. Those that do not compare reckon an offset that is wrong by a quarter of a
# second on the average, and a delay of minus half a second.
# Way out: in the handler set receiveTimestamp anew; the asker's fraction is gone by then.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts ntp-time@2.1.1 >/dev/null
cat >try.cjs <<'JS'
const assert = require("node:assert");
const dgram = require("node:dgram");
const { Server } = require("ntp-time");
console.log("ntp-time", require("ntp-time/package.json").version);

const EPOCH = 2208988800;
const server = new Server();
server.handle((message, response) => {
    message.transmitTimestamp = Date.now() / 1000;
    response(message);
});
const seconds = (packet, at) => packet.readUInt32BE(at) + packet.readUInt32BE(at + 4) / 2 ** 32;
/** Sends one request whose transmit timestamp has this fraction, in 2^-32 seconds. */
const ask = (fraction) => new Promise((done) => {
    const socket = dgram.createSocket("udp4");
    const request = Buffer.alloc(48);
    request[0] = 0x23;
    request.writeUInt32BE(Math.floor(Date.now() / 1000) + EPOCH, 40);
    request.writeUInt32BE(fraction, 44);
    socket.once("message", (answer) => {
        const arrived = Date.now() / 1000 + EPOCH;
        socket.close();
        done({ request, answer, arrived });
    });
    socket.send(request, server.address().port, "127.0.0.1");
});
server.socket.once("listening", async () => {
    for (const fraction of [0, 0x80000000, 0x12345678]) {
        const { request, answer } = await ask(fraction);
        const [sent, back] = [request.toString("hex", 40), answer.toString("hex", 24, 32)];
        console.log(`sent ${sent}, came back ${back}: ${sent === back ? "the same" : "another"}`);
        assert.equal(answer[0] & 7, 4);
        assert.equal(answer.readUInt32BE(24), request.readUInt32BE(40));
        assert.equal(answer.readUInt32BE(28), 0);
    }
    await new Promise((done) => setTimeout(done, 1000 - (Date.now() % 1000) + 600));
    const { answer, arrived } = await ask(0x99999999);
    const [received, transmitted] = [seconds(answer, 32), seconds(answer, 40)];
    console.log(`before arrival: received ${(arrived - received).toFixed(3)} s, transmitted ${(arrived - transmitted).toFixed(3)} s`);
    assert.equal(answer.readUInt32BE(36), 0);
    assert.ok(arrived - received > 0.5 && arrived - transmitted < 0.4);
    server.socket.close();
    console.log("as described: the asker's fraction and the server's are cut off");
});
server.socket.bind(0, "127.0.0.1"); // listen(0) would be listen(4567)
JS
node try.cjs
