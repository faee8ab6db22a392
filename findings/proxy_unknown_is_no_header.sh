#!/usr/bin/env bash
# Two npm parsers of the PROXY protocol cannot read "PROXY UNKNOWN", which the protocol obliges each receiver to accept.
#
# Guess: the line "PROXY UNKNOWN\r\n", which HAProxy sends for its health checks and for what came over a Unix socket, is a
# header without addresses. A parser says so, and leaves the rest of the stream to the server.
# Happens: proxy-protocol-js throws "isn't suitable for V1 PROXY protocols definition", and accepts UNKNOWN only with
# addresses and ports, which no sender need give. @balena/proxy-protocol-parser answers with an IPv6 connection from the address
# "\r\n" and with the first word of the payload as local address, or throws if told to validate. The Python package
# proxy-protocol is right.
# Hurts: servers behind HAProxy: with the one the health check fails, so that a sound node is taken out of service; with the
# other it shows up in logs and limits as a peer named CR LF.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund @balena/proxy-protocol-parser@1.0.2 proxy-protocol-js@4.0.6 >/dev/null
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check proxy-protocol==0.11.3
cat >finding.js <<'JS'
const assert = require("assert");
const { decode } = require("@balena/proxy-protocol-parser");
const { V1ProxyProtocol } = require("proxy-protocol-js");
for (const name of ["proxy-protocol-js", "@balena/proxy-protocol-parser"]) {
  console.log(name, require(`${name}/package.json`).version);
}
const read = (stream) => {
  try {
    return V1ProxyProtocol.parse(stream);
  } catch (error) {
    return error.message;
  }
};
const known = "PROXY TCP4 192.0.2.1 192.0.2.2 5000 443\r\n";
const unknown = "PROXY UNKNOWN\r\n";
const full = "PROXY UNKNOWN 192.0.2.1 192.0.2.2 5000 443\r\n";
const payload = "hello world";

console.log("proxy-protocol-js:");
for (const header of [known, full, unknown]) console.log(" ", JSON.stringify(header), read(header + payload));
assert.equal(read(known + payload).data, payload);
assert.equal(read(full + payload).data, payload);
assert.match(read(unknown + payload), /isn't suitable for V1/);

console.log("@balena/proxy-protocol-parser:");
for (const header of [known, unknown]) console.log(" ", JSON.stringify(header), decode(Buffer.from(header + payload)));
assert.equal(decode(Buffer.from(known)).remoteAddress, "192.0.2.1");
const wrong = decode(Buffer.from(unknown + payload));
assert.deepEqual([wrong.remoteFamily, wrong.remoteAddress, wrong.localAddress], ["IPv6", "\r\n", "hello"]);
assert.throws(() => decode(Buffer.from(unknown + payload), true), /unsupported family/);
JS
node finding.js
env/bin/python - <<'PYTHON'
import importlib.metadata
from proxyprotocol.v1 import ProxyProtocolV1

print("proxy-protocol (Python)", importlib.metadata.version("proxy-protocol"))
result = ProxyProtocolV1().unpack(b"PROXY UNKNOWN\r\n")
print(" ", result)
assert result.source is None
print("as described: an error, and an address that is none")
PYTHON
