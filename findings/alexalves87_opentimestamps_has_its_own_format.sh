#!/usr/bin/env bash
# @alexalves87/opentimestamps (npm): its proofs begin like OpenTimestamps' own, and from the first step on have nothing of them.
#
# Guess: the package "implements the full OpenTimestamps protocol": an .ots file that it writes is read by the other clients, and
# what they wrote it can read and upgrade.
# Happens: header and hash of the file are right. Behind them an attestation is one byte and a payload, where the format has a
# zero byte, eight bytes of tag and a payload that carries its length; a block's height is eight bytes, not a varint; numbers
# from 128 on are written as in Bitcoin; RIPEMD-160 has the number of SHA-1, and SHA-1 that of reversing. The reference
# implementation reads none of its proofs that end in an attestation, as all do, and it reads none of theirs; that of its own
# README, which it ships, neither.
# Hurts: who keeps such files as evidence: nobody but this version of this package will read them, calendars and blocks do not help,
# and it comes out on the day that the proof is asked for.
# Way out: the other packages for the format, of the same names without the owner's.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund @alexalves87/opentimestamps@1.0.5 >/dev/null
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check opentimestamps==0.4.5
cat >write.py <<'PYTHON'
import io
import sys
from opentimestamps.core.notary import BitcoinBlockHeaderAttestation, PendingAttestation
from opentimestamps.core.op import OpAppend, OpRIPEMD160, OpSHA1, OpSHA256
from opentimestamps.core.serialize import StreamDeserializationContext, StreamSerializationContext
from opentimestamps.core.timestamp import DetachedTimestampFile, Timestamp

STEPS = {"sha256": OpSHA256(), "sha1": OpSHA1(), "ripemd160": OpRIPEMD160(), "append": OpAppend(b"\1\2\3")}
for line in sys.stdin:
    name, way, given = line.split()
    if way == "write":
        root = stamp = Timestamp(bytes([7]) * 32)
        for step in given.split(",")[:-1]:
            stamp = stamp.ops.add(STEPS[step])
        pending = PendingAttestation("https:" + "//calendar.example")
        stamp.attestations.add(pending if given.endswith("pending") else BitcoinBlockHeaderAttestation(850_000))
        file = io.BytesIO()
        DetachedTimestampFile(OpSHA256(), root).serialize(StreamSerializationContext(file))
        print(name, file.getvalue().hex())
    else:
        try:
            DetachedTimestampFile.deserialize(StreamDeserializationContext(io.BytesIO(bytes.fromhex(given))))
            print(name, "is read")
        except Exception as error:
            print(name, "raises", type(error).__name__)
PYTHON
cat >finding.js <<'JS'
import assert from "assert";
import { execFileSync } from "child_process";
import { readFileSync } from "fs";
import * as ots from "@alexalves87/opentimestamps";
const folder = "node_modules/@alexalves87/opentimestamps";
console.log("@alexalves87/opentimestamps", JSON.parse(readFileSync(`${folder}/package.json`)).version);
console.log("opentimestamps (Python) 0.4.5");
const python = lines => Object.fromEntries(execFileSync("env/bin/python", ["write.py"], { input: lines.join("\n") })
  .toString().trim().split("\n").map(line => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)]));

const steps = {
  sha256: ots.createSHA256Op(), sha1: ots.createSHA1Op(), ripemd160: ots.createRIPEMD160Op(),
  append: ots.createAppendOp(Uint8Array.of(1, 2, 3)),
};
const proofs = ["pending", "bitcoin", "append,sha256,pending", "append,sha256,bitcoin", "sha1,bitcoin", "ripemd160,bitcoin"];
const theirs = python(proofs.map(proof => `${proof} write ${proof}`));
const ours = {};
for (const proof of proofs) {
  const names = proof.split(","), end = names.pop();
  const pending = ots.createPendingAttestation(`https:${"//calendar.example"}`);
  ours[proof] = ots.bytesToHex(ots.serializeOTS({
    version: 1, fileHash: new Uint8Array(32).fill(7), operations: names.map(name => steps[name]),
    attestations: [end === "pending" ? pending : ots.createBitcoinAttestation(850000)],
  }));
  assert.equal(ots.bytesToHex(ots.serializeOTS(ots.deserializeOTS(ots.hexToBytes(ours[proof])))), ours[proof]);
}
const read = python(proofs.flatMap(proof => [`${proof}:own read ${theirs[proof]}`, `${proof} read ${ours[proof]}`]));
for (const proof of proofs) {
  let answer = "is read";
  try {
    ots.deserializeOTS(ots.hexToBytes(theirs[proof]));
  } catch (error) {
    answer = `raises ${error.name}`;
  }
  console.log(`${proof}\n  reference: ${theirs[proof].slice(130)}, here it ${answer}`);
  console.log(`  package:   ${ours[proof].slice(130)}, there it ${read[proof]}`);
  assert.equal(ours[proof].slice(0, 130), theirs[proof].slice(0, 130));
  assert.equal(read[`${proof}:own`], "is read");
  assert.ok(answer.startsWith("raises") && read[proof].startsWith("raises"));
}
assert.throws(() => ots.deserializeOTS(new Uint8Array(readFileSync(`${folder}/README.ots`))), /magic bytes/);
assert.equal(ots.bytesToHex(ots.writeVarint(300)), "fd2c01");
console.log("as described: a format of its own");
JS
node finding.js
