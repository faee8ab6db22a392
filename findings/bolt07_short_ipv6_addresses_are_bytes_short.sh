#!/usr/bin/env bash
# bolt07 (npm): encodeSocket() writes an IPv6 address with "::" as a few bytes.
#
# Guess: "2001:db8::1:9735" becomes the 16 bytes of the address and two of the port, as BOLT 7 has it; what is no address is refused.
# Happens: the colons are taken out and the rest is called hex: "2001:db8::1" is 2001db81, four bytes and not those, and "::1" is five
# hex digits with the port. Groups without leading zeros are cut in the same way. No error is raised; decodeSocket() of it says
# UnexpectedLengthForIpV6SocketData. "[2001:db8::1]:9735" gives an object without an address. Only an address with all its
# zeros written comes back.
# Hurts: who builds announcements of Lightning nodes or puts peers into a file: systems, nodes and people write the short form, and
# the error comes at the reader, elsewhere. IPv4 and onion addresses are right.
# Way out: write all eight groups with four digits before.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund bolt07@1.9.5 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const { decodeSocket, encodeSocket } = require("bolt07");
console.log("bolt07", require("./node_modules/bolt07/package.json").version);

function both(socket) {
  const encoded = encodeSocket({ socket });
  let read;
  try { read = decodeSocket(encoded).socket; } catch ({ message }) { read = message; }
  console.log(socket, JSON.stringify(encoded), read);
  return [encoded.ip6 ?? encoded.ip4 ?? null, read];
}
const whole = "2001:0db8:0000:0000:0000:0000:0000:0001:9735";
assert.deepEqual(both("192.0.2.1:9735"), ["c00002012607", "192.0.2.1:9735"]);
assert.deepEqual(both(whole), ["20010db80000000000000000000000012607", whole]);
assert.deepEqual(both("2001:db8::1:9735"), ["2001db812607", "UnexpectedLengthForIpV6SocketData"]);
assert.deepEqual(both("2001:db8:0:0:0:0:0:1:9735"), ["2001db80000012607", "UnexpectedLengthForIpV6SocketData"]);
assert.deepEqual(both("::1:9735"), ["12607", "UnexpectedLengthForIpV6SocketData"]);
assert.equal(both("[2001:db8::1]:9735")[0], null);
console.log("as described: digits without their zeros");
JS
node finding.js
