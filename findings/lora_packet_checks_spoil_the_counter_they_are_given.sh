#!/usr/bin/env bash
# lora-packet (npm): checking a frame of LoRaWAN 1.1 changes the counter that was given for it, so that the second check of it fails.
#
# Guess: verifyMIC(packet, keys..., counter) looks at a frame and says whether its code is right; asked twice it says the same. RJCount1 of
# a rejoin request of type 1 is its last two bytes, behind JoinEUI and DevEUI (LoRaWAN 1.1, 6.2.4.2).
# Happens: ConfFCnt, TxDr and TxCh come as a Buffer of four bytes, and the function writes into it: an uplink with an acknowledgement swaps
# the counter's two bytes, one without sets them to zero. The same valid frame is right, wrong, right, wrong; and after any plain uplink
# the acknowledgement that follows is refused. And RJCount1 is bytes 13 and 14 of the frame, the middle of the device's name, so that
# it is the same for each request of a device, where it should count.
# Hurts: network servers that keep TxDr and TxCh of a gateway, or a session's counter, in a Buffer: devices look as if they had wrong keys.
# Way out: Buffer.from(counter) for each call; packet.PHYPayload.readUInt16LE(18) for RJCount1.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts lora-packet@0.9.3 aes-cmac@1.0.3 >/dev/null
cat >finding.js <<'JS'
const assert = require("node:assert");
const lora = require("lora-packet");
const { AesCmac } = require("aes-cmac");

console.log("lora-packet", require("lora-packet/package.json").version);
const forward = Buffer.alloc(16, 1); // FNwkSIntKey
const serving = Buffer.alloc(16, 2); // SNwkSIntKey
const address = Buffer.from("01020304", "hex");

/** The code of an uplink as in LoRaWAN 1.1, 4.4: half of it over B1 with the serving key, half over B0 with the forwarding one. */
function code(packet, count, extra) {
  const message = Buffer.concat([packet.MHDR, packet.MACPayload]);
  const block = (start) => Buffer.concat([Buffer.from([0x49]), start, Buffer.from([0]), Buffer.from(address).reverse(),
    Buffer.from([count, 0, 0, 0, 0, message.length]), message]);
  const sum = (key, start) => Buffer.from(new AesCmac(key).calculate(block(start))).subarray(0, 2);
  return Buffer.concat([sum(serving, extra), sum(forward, Buffer.alloc(4))]);
}

function uplink(ACK, count) {
  const packet = lora.fromFields({ MType: "Unconfirmed Data Up", DevAddr: address, FCtrl: { ACK }, FCnt: count, FPort: 1, payload: "on" });
  packet.MIC = code(packet, count, Buffer.from(ACK ? [7, 0, 5, 2] : [0, 0, 5, 2])); // ConfFCnt 7, TxDr 5, TxCh 2
  return packet;
}

const given = () => Buffer.from([0, 7, 5, 2]);
const check = (packet, counter) => lora.verifyMIC(packet, forward, serving, undefined, counter);
const acknowledging = uplink(true, 3);
const kept = given();
const answers = [];
for (let i = 0; i < 4; i++) {
  answers.push(check(acknowledging, kept));
  assert.equal(check(acknowledging, given()), true, "with a fresh Buffer it is right each time");
}
console.log("the same frame, four times:", answers.join(", "), "(right: true each time); the Buffer then:", kept.toString("hex"));
assert.deepEqual(answers, [true, false, true, false]);

const session = given();
const plain = check(uplink(false, 2), session);
const after = check(acknowledging, session);
console.log("a plain uplink:", plain, "and an acknowledgement after it:", after, "the Buffer then:", session.toString("hex"));
assert.deepEqual([plain, after, session.toString("hex")], [true, false, "00000502"]);

const counts = [1, 2, 3].map((count) => {
  const frame = Buffer.from("c0" + "01" + "0807060504030201" + "1817161514131211" + "0000" + "00000000", "hex");
  frame.writeUInt16LE(count, 18);
  const packet = lora.fromWire(frame);
  assert.equal(packet.DevEUI.toString("hex"), "1112131415161718");
  return packet.RJCount1.toString("hex");
});
console.log("RJCount1 of 1, 2 and 3 of device 1112131415161718:", counts.join(", "));
assert.deepEqual(counts, ["1415", "1415", "1415"]);
console.log("as described: a check changes what it is given");
JS
node finding.js
