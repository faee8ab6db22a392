#!/usr/bin/env bash
# ipfunctions (npm): the range of 192.168.1.0/24 begins at -64.-88.-255.0, and that of its own example ends at 127.1.0.0.
#
# Guess: cidrToRange() gives "lowest IP and highest IP" of a network. Its example is 127.0.0.1/16, so that an address within
# the network will do: 127.0.0.0 to 127.0.255.255.
# Happens: the lowest is computed with a sign and written as it is: from 128.0.0.0 on, octets are negative. The highest is
# counted from the address that was given instead of the lowest one: the example's end lies outside of its network, as
# does each other whose address is not the first. Below 128 and with the first address it is right.
# Hurts: tools that plan addresses of nodes or compare ranges of announced prefixes: texts like -64.-88.-255.0 are no address
# for anything else, and the end of 10.1.2.3/24 lies in the next network. Tests with 10.0.0.0/8 pass.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund ipfunctions@0.1.0 cidr-calc@1.0.4 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const { cidrToRange } = require("ipfunctions");
const { Cidr, IpAddress } = require("cidr-calc");
for (const name of ["ipfunctions", "cidr-calc"]) console.log(name, require(`${name}/package.json`).version);

for (const [network, lowest, highest] of [
  ["10.0.0.0/8", "10.0.0.0", "10.255.255.255"],
  ["100.64.0.0/10", "100.64.0.0", "100.127.255.255"],
  ["127.0.0.1/16", "127.0.0.0", "127.1.0.0"],
  ["10.1.2.3/24", "10.1.2.0", "10.1.3.2"],
  ["128.0.0.0/16", "-128.0.0.0", "128.0.255.255"],
  ["192.168.1.0/24", "-64.-88.-255.0", "192.168.1.255"],
  ["203.0.113.0/24", "-53.-256.-143.0", "203.0.113.255"],
  ["203.0.113.9/32", "203.0.113.9", "203.0.113.9"],
]) {
  const [address, length] = network.split("/");
  const right = new Cidr(IpAddress.of(address), Number(length)).toIpRange();
  const wanted = `${right.startIpAddr} to ${right.endIpAddr}`;
  const [low, high] = cidrToRange(network);
  console.log(`${network} is ${wanted}: ${low} to ${high}`);
  assert.deepEqual([low, high], [lowest, highest]);
  assert.equal(`${low} to ${high}` === wanted, ["10.0.0.0/8", "100.64.0.0/10", "203.0.113.9/32"].includes(network));
}
console.log("as described: octets below zero, and ends in the next network");
JS
node finding.js
