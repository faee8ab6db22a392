#!/usr/bin/env bash
# maxmind, mmdb-lib and maxmind-db-reader (npm): in a file for IPv4, IPv6 addresses have the record of some IPv4 network.
#
# Guess: a database with ip_version 4 knows nothing of IPv6 addresses: looking one up is an error, as in MaxMind's own reader for Python, or null.
# Happens: its first 32 bits are looked up as if they were an IPv4 address: 2001:db8::1 has the record of 32.1.13.184, and getWithPrefixLength()
# gives that network's prefix. All addresses of a provider of IPv6 (2001:db8::/32) have one record, that of a single IPv4 address; where
# that IPv4 network has none, null is given, as for any address without a record. No error in any case.
# Hurts: nodes that show peers by country, or take one peer a network: IPv6 peers of one continent are counted to a network of another,
# plausible at each look. The free country and AS lists come as files for IPv4 and IPv6 apart, so that opening the first of them is enough.
# Way out: look at metadata.ipVersion before looking up an address with a colon; ::ffff:192.0.2.1 is understood by maxmind and mmdb-lib.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts maxmind@5.0.7 mmdb-lib@3.0.3 maxmind-db-reader@0.2.1 >/dev/null
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check maxminddb==3.2.0
cat >finding.cjs <<'JS'
const assert = require("node:assert");
const { readFileSync, writeFileSync } = require("node:fs");
const names = ["maxmind", "mmdb-lib", "maxmind-db-reader"];
const [maxmind, lib, old] = names.map((name) => require(name));
for (const name of names) console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version);

// A file of one node (MaxMind DB 2.0): 0.0.0.0/1 has the record, 128.0.0.0/1 none.
const text = (value) => Buffer.concat([Buffer.from([0x40 | value.length]), Buffer.from(value)]);
const number = (value) => Buffer.from([0xa2, value >> 8, value & 255]); // uint16
const map = (...pairs) => Buffer.concat([Buffer.from([0xe0 | pairs.length]), ...pairs.flatMap(([key, value]) => [text(key), value])]);
const list = (...values) => Buffer.concat([Buffer.from([values.length, 4]), ...values]);
const file = (version, record) => {
  const meta = map(
    ["node_count", number(1)], ["record_size", number(24)], ["ip_version", number(version)], ["database_type", text("Peers")],
    ["languages", list(text("en"))], ["description", map(["en", text("Peers")])], ["build_epoch", number(1)],
    ["binary_format_major_version", number(2)], ["binary_format_minor_version", number(0)],
  );
  const tree = Buffer.from([0, 0, 1 + 16, 0, 0, 1]);
  return Buffer.concat([tree, Buffer.alloc(16), record, Buffer.from("\xab\xcd\xefMaxMind.com", "latin1"), meta]);
};
const data = file(4, map(["network", text("first half")]));
writeFileSync("peers.mmdb", data);

const main = async () => {
  const readers = [await maxmind.open("peers.mmdb"), new lib.Reader(data)];
  const before = old.openSync("peers.mmdb");
  const found = (address) => [...readers.map((reader) => reader.get(address)), before.getGeoDataSync(address)];
  const network = [1, 2, 3].map(() => ({ network: "first half" }));
  for (const [address, expected] of [
    ["32.1.13.184", network],
    ["192.0.2.1", [null, null, null]],
    ["2001:db8::1", network],
    ["fe80::1", [null, null, null]],
  ]) {
    console.log(`${address}:`, JSON.stringify(found(address)));
    assert.deepStrictEqual(found(address).map((record) => record && { ...record }), expected);
  }
  assert.equal(readers[0].metadata.ipVersion, 4);
  const [, prefix] = readers[0].getWithPrefixLength("2001:db8::1");
  console.log("prefix length given for 2001:db8::1:", prefix);
  assert.equal(prefix, 1);
};
main();
JS
NODE_NO_WARNINGS=1 node finding.cjs
env/bin/python - <<'PYTHON'
from importlib.metadata import version

import maxminddb

print("maxminddb (Python)", version("maxminddb"))
with maxminddb.open_database("peers.mmdb", maxminddb.MODE_MEMORY) as reader:
    assert reader.get("32.1.13.184") == {"network": "first half"}
    try:
        raise AssertionError(reader.get("2001:db8::1"))
    except ValueError as error:
        print("2001:db8::1:", error)
print("as described: IPv6 addresses have the record of another network")
PYTHON
