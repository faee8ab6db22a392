#!/usr/bin/env bash
# The npm package bonjour-service spoils binary TXT values, and renames a key whose value is empty.
#
# Guess: values of a TXT record are bytes (RFC 6763, section 6.5), so a public key can be announced as a Buffer, and with the
# documented option `txt: {binary: true}` the browser gives the same bytes back. An empty value is an empty value.
# Happens: the option is stored and never read. A Buffer is turned into text when it is published, so that each byte which
# is not UTF-8 leaves as three others; not even rawTxt has the key. {id: ""} goes out rightly as "id=", and the browser
# calls it {"id=": undefined}. Texts are right.
# Hurts: nodes that find each other on a local network and pin the key or genesis hash that they saw there: nearly every
# random key of 32 bytes arrives changed, while names and versions, in text, are right.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund bonjour-service@1.4.4 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const dgram = require("dgram");
const { Bonjour } = require("bonjour-service");
console.log("bonjour-service", require("bonjour-service/package.json").version);
const txt = { version: "1", id: "", key: Buffer.from([0x41, 0x80, 0xff]) };

// One instance on the loopback address, without multicast, hears its own announcement.
const probe = dgram.createSocket("udp4").bind(0, "127.0.0.1", () => {
  const { port } = probe.address();
  probe.close(() => {
    const bonjour = new Bonjour({ multicast: false, ip: "127.0.0.1", bind: "127.0.0.1", interface: "127.0.0.1", port });
    const late = setTimeout(() => assert.fail("no announcement within 30 s"), 30_000);
    bonjour.find({ type: "ledger", txt: { binary: true } }, (service) => {
      clearTimeout(late);
      console.log("published", txt);
      console.log("found    ", service.txt, "raw", service.rawTxt.map((one) => one.toString("hex")).join(" "));
      assert.deepStrictEqual(service.txt, { version: "1", "id=": undefined, key: "A\ufffd\ufffd" });
      const raw = service.rawTxt.map((one) => one.toString("latin1"));
      assert.deepStrictEqual(raw, ["version=1", "id=", "key=A\xef\xbf\xbd\xef\xbf\xbd"]);
      console.log("as described: other bytes, and another key");
      process.exit(0);
    });
    bonjour.publish({ name: "node", type: "ledger", port: 4130, host: "node.local", txt, probe: false });
  });
});
JS
node finding.js
