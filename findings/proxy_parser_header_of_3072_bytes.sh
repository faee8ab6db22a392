#!/usr/bin/env bash
# @balena/proxy-protocol-parser (npm): each binary header that it writes says that 3,072 bytes follow, of a local health check.
#
# Guess: v2_encode() writes a PROXY protocol header that any server reads: command PROXY, and 12 bytes of addresses for IPv4
# or 36 for IPv6, as its own decode() gets the addresses back.
# Happens: the length is put into the higher of its two bytes, so it says 3,072 or 9,216; and the command is 0, LOCAL, for
# which a server must ignore the addresses. decode() looks at neither, and so the package's own tests pass. The Python
# package proxy-protocol waits for the rest of the header, into which the client's first kilobytes would go. The text
# header (version 1) is right.
# Hurts: proxies and tests of servers behind a load balancer: connections hang until the client has sent three kilobytes,
# which are lost then.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund @balena/proxy-protocol-parser@1.0.2 >/dev/null
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check proxy-protocol==0.11.3
cat >write.js <<'JS'
const { v1_encode, v2_encode, decode } = require("@balena/proxy-protocol-parser");
console.error("@balena/proxy-protocol-parser", require("@balena/proxy-protocol-parser/package.json").version);
const four = { remoteFamily: "IPv4", remoteAddress: "192.0.2.1", remotePort: 5000, localAddress: "192.0.2.2", localPort: 443 };
const six = { ...four, remoteFamily: "IPv6", remoteAddress: "2001:db8:1:2:3:4:5:6", localAddress: "2001:db8:1:2:3:4:5:7" };
for (const header of [v1_encode(four), v1_encode(six), v2_encode(four), v2_encode(six)]) {
  if (decode(header, true).remotePort !== 5000) throw new Error("its own decoder fails");
  console.log(header.toString("hex"));
}
JS
node write.js >headers
env/bin/python - <<'PYTHON'
import importlib.metadata
from proxyprotocol import ProxyProtocolIncompleteError
from proxyprotocol.detect import ProxyProtocolDetect

print("proxy-protocol", importlib.metadata.version("proxy-protocol"))

def read(header):
    try:
        return "client " + str(ProxyProtocolDetect().unpack(header).source[0])
    except ProxyProtocolIncompleteError:
        return "waits for more"

headers = [bytes.fromhex(line) for line in open("headers")]
for header in headers[:2]:
    print("version 1:", read(header))
for header in headers[2:]:
    command, length = header[12] & 15, int.from_bytes(header[14:16], "big")
    mended = header[:12] + bytes([0x21, header[13]]) + len(header[16:]).to_bytes(2, "big") + header[16:]
    print(f"version 2: command {command}, {length} bytes announced, {len(header) - 16} follow:", read(header))
    print("  with both fields mended:", read(mended))
    assert command == 0 and length == 256 * (len(header) - 16)
    assert read(header) == "waits for more" and read(mended).startswith("client ")
assert all(read(header).startswith("client ") for header in headers[:2])
print("as described: no other program can read the binary header")
PYTHON
