#!/usr/bin/env bash
# mdns-js-packet (npm): a text with a point in it is several texts in the packet, and an IPv6 address is none.
#
# Guess: DNSPacket.toBuffer() writes what DNSPacket.parse() reads: TXT records of DNS-SD with their key=value pairs, A, AAAA and MX.
# Happens: each pair is written as a name is, cut at each point: version=1.2.3 is sent as the three texts version=1, 2 and 3, and
# path=/api/v1.0 as path=/api/v1 and 0. AAAA and MX records are sent with no data at all, and no error says so. parse() reads all
# of them rightly, from others' packets. What has no point is written rightly. dns-js, which mdns-js uses, does the same.
# Hurts: peers announced with one of them: who looks them up reads version 1, a cut address or host name, and an IPv6 address of
# no bytes, which strict readers drop with the rest of the packet.
# Way out: no points in values (base64 has none); A records, or another package.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund mdns-js-packet@0.2.0 dns-js@0.2.1 dns-packet@5.6.1 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const { DNSPacket, DNSRecord } = require(process.argv[2]);
const other = require("dns-packet");
for (const name of [process.argv[2], "dns-packet"]) console.log(name, require(`./node_modules/${name}/package.json`).version);

function write(name, type, fields) {
  const packet = new DNSPacket(DNSPacket.Flag.RESPONSE);
  packet.answer.push(Object.assign(new DNSRecord(name, DNSRecord.Type[type], 1, 120), fields));
  return DNSPacket.toBuffer(packet);
}
const texts = data => other.decode(write("node._peer._tcp.local", "TXT", { data })).answers[0].data.map(String);
for (const [data, sent] of [
  [{ version: "1" }, ["version=1"]],
  [{ version: "1.2.3" }, ["version=1", "2", "3"]],
  [{ path: "/api/v1.0" }, ["path=/api/v1", "0"]],
  [{ address: "192.0.2.7" }, ["address=192", "0", "2", "7"]],
  [{ host: "node.example", port: "8080" }, ["host=node", "example", "port=8080"]],
]) {
  console.log("TXT", data, "is sent as", texts(data));
  assert.deepEqual(texts(data), sent);
}

const length = bytes => bytes.readUInt16BE(12 + "node.local".length + 2 + 8); // behind header, name, type, class and time
for (const [type, fields, sent] of [
  ["A", { address: "192.0.2.7" }, 4],
  ["AAAA", { address: "2001:db8:0:0:0:0:0:7" }, 0],
  ["MX", { priority: 10, exchange: "mail.local" }, 0],
]) {
  console.log(type, fields, `is sent with ${length(write("node.local", type, fields))} bytes of data`);
  assert.equal(length(write("node.local", type, fields)), sent);
}
const packet = other.encode({
  type: "response",
  answers: [
    { type: "AAAA", name: "node.local", data: "2001:db8::7" },
    { type: "TXT", name: "node.local", data: ["version=1.2.3"] },
  ],
});
const [address, text] = DNSPacket.parse(packet).answer;
console.log("read from another's packet:", address.address, text.data);
assert.deepEqual([address.address, text.data], ["2001:db8:0:0:0:0:0:7", ["version=1.2.3"]]);
console.log("as described: texts are cut, addresses left out");
JS
node --no-deprecation finding.js mdns-js-packet
node --no-deprecation finding.js dns-js
