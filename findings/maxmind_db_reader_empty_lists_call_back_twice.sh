#!/usr/bin/env bash
# maxmind-db-reader (npm): a record with an empty list is given twice, and addresses of IPv4 peers as Node shows them are refused.
#
# Guess: getGeoData() calls back once and gives what getGeoDataSync() gives. "::ffff:192.0.2.1", as Node shows IPv4 peers of a socket for both
# protocols, is 192.0.2.1.
# Happens: an empty list within a record is followed by an attempt to read its first member: getGeoData() calls back with the right record,
# and then goes on with what stands behind the list as its member, and calls back again with a record of nonsense. The synchronous
# way is right. "::ffff:192.0.2.1" is thrown as invalid, by both ways at once and not by way of the callback.
# Hurts: servers that answer in the callback: "headers already sent", or a count that grows twice, for some addresses only (those without
# ports, tags or subdivisions); and nodes that listen on "::", where each IPv4 peer throws.
# Way out: getGeoDataSync(), after cutting "::ffff:"; mmdb-lib is right in both.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts maxmind-db-reader@0.2.1 mmdb-lib@3.0.3 >/dev/null
cat >finding.cjs <<'JS'
const assert = require("node:assert");
const { readFileSync, writeFileSync } = require("node:fs");
const old = require("maxmind-db-reader");
const { Reader } = require("mmdb-lib");
for (const name of ["maxmind-db-reader", "mmdb-lib"]) console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version);

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
const data = file(4, map(["ports", list()], ["name", text("node")]));
writeFileSync("peers.mmdb", data);
const [reader, other] = [old.openSync("peers.mmdb"), new Reader(data)];
const right = { ports: [], name: "node" };
assert.deepStrictEqual(reader.getGeoDataSync("32.1.13.184"), right);
for (const address of ["32.1.13.184", "::ffff:32.1.13.184"]) assert.deepStrictEqual({ ...other.get(address) }, right);
for (const way of [() => reader.getGeoDataSync("::ffff:32.1.13.184"), () => reader.getGeoData("::ffff:32.1.13.184", () => {})]) {
  assert.throws(way, (error) => console.log("::ffff:32.1.13.184:", error.message) ?? true);
}

const calls = [];
reader.getGeoData("32.1.13.184", (error, record) => calls.push(JSON.stringify(error ?? record)));
setTimeout(() => {
  console.log("getGeoData() calls back with:", calls.join(" and "));
  assert.deepStrictEqual(calls, [JSON.stringify(right), '{"ports":[],"name":["name"]}']);
  console.log("as described: it calls back twice");
}, 500);
JS
NODE_NO_WARNINGS=1 node finding.cjs
