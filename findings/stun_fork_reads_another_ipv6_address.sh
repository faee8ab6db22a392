#!/usr/bin/env bash
# @msimerson/stun (npm): of an IPv6 address in a STUN answer, all but the first four bytes are read wrong.
#
# Guess: XOR-MAPPED-ADDRESS is the address mixed with the magic cookie and the transaction ID. A library that writes it so reads
# it so, and the test vectors of RFC 5769 give 2001:db8:1234:5678:11:2233:4455:6677.
# Happens: encode() is right. decode() undoes the cookie only: of the vector it makes 2001:db8:a5d3:f179:bc25:f4b5:bed2:b9d9,
# and what the package itself wrote comes back as another address each time, as the transaction ID is random. The prefix, the
# family and the port are right, so the address looks plausible. IPv4 is right; so is stun 2.1.0, from which it descends.
# Hurts: nodes that ask what address others see and announce the answer: nobody can reach it, and it changes at each question.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts @msimerson/stun@3.2.1 stun@2.1.0 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const fork = require("@msimerson/stun");
const stun = require("stun");
console.log("@msimerson/stun", require("@msimerson/stun/package.json").version);
console.log("stun", require("stun/package.json").version);

// RFC 5769, sections 2.2 and 2.3, as far as the address.
const id = "2112a442b7e7a701bc34d686fa87dfae";
const vectors = {
  "192.0.2.1": `0101000c${id}002000080001a147e112a643`,
  "2001:db8:1234:5678:11:2233:4455:6677": `01010018${id}002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9`,
};
for (const [address, hex] of Object.entries(vectors)) {
  const bytes = Buffer.from(hex, "hex");
  const [one, other] = [stun, fork].map((library) => library.decode(bytes).getXorAddress());
  console.log(`${address}: stun reads ${one.address}, the fork ${other.address}`);
  assert.deepStrictEqual([one.address, one.port, other.port], [address, 32853, 32853]);
  const wrong = "2001:db8:a5d3:f179:bc25:f4b5:bed2:b9d9";
  assert.equal(other.address, one.family === "IPv4" ? address : wrong);
}

const sent = "2001:db8::7";
const written = [1, 2].map(() => {
  const message = fork.createMessage(fork.constants?.STUN_BINDING_RESPONSE ?? 0x0101);
  message.addXorAddress(sent, 8333);
  return fork.encode(message);
});
const read = written.map((bytes) => fork.decode(bytes).getXorAddress().address);
console.log(`${sent}, written and read by the fork, twice:`, read);
assert.ok(written.every((bytes) => stun.decode(bytes).getXorAddress().address === sent), "it is written right");
assert.ok(read[0] !== sent && read[1] !== sent && read[0] !== read[1]);
console.log("as described: another address is read");
JS
node finding.js
