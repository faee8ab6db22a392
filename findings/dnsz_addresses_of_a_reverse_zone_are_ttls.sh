#!/usr/bin/env bash
# dnsz (npm): in a zone for reverse lookup the names are read as times to live, and all records belong to the zone itself.
#
# Guess: what begins a line is the name, unless the line begins with a space; the time to live and the class may follow in either
# order (RFC 1035, 5.1). "10 IN PTR node.example." in 2.0.192.in-addr.arpa is the name of 192.0.2.10.
# Happens: a name that begins with a digit is taken for the time to live if none follows: that record, and each like it, is a PTR of
# 2.0.192.in-addr.arpa, for 10 seconds; "3proxy IN A" is an address of the zone itself, for 3 seconds. Written back, the names are gone. With the
# class before the time to live, "IN" is the type and "600 A 192.0.2.3" the content. No error is raised.
# Hurts: tools that keep the zones of a network's nodes: all reverse names are lost at the first change, and mail servers and monitors,
# which ask for them, refuse or misname the nodes; zones without such names come through.
# Way out: a time to live in each line, between name and class. zone-file (npm, shown beside it) reads these lines right.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts dnsz@4.5.2 zone-file@1.0.0 >/dev/null
cat >finding.mjs <<'JS'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { parseZone, stringifyZone } from "dnsz";
import zoneFile from "zone-file";
const version = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version;
console.log("dnsz", version("dnsz"), "zone-file", version("zone-file"));

const head = `$ORIGIN 2.0.192.in-addr.arpa.
$TTL 3600
@ IN SOA ns.example. admin.example. 1 7200 3600 1209600 300
`;
const reverse = `${head}10 IN PTR node-10.example.
11 IN PTR node-11.example.
12 7200 IN PTR node-12.example.
`;
const here = (text, type) => parseZone(text).records.filter((record) => record.type === type)
  .map((record) => [record.name, record.ttl, record.content].join(" "));
console.log("dnsz:", here(reverse, "PTR"));
assert.deepStrictEqual(here(reverse, "PTR"), [
  "2.0.192.in-addr.arpa 10 node-10.example.",
  "2.0.192.in-addr.arpa 11 node-11.example.",
  "12.2.0.192.in-addr.arpa 7200 node-12.example.",
]);
const other = zoneFile.parseZoneFile(reverse).ptr.map((record) => [record.fullname, record.host].join(" "));
console.log("zone-file:", other);
assert.deepStrictEqual(other, [10, 11, 12].map((host) => `${host}.2.0.192.in-addr.arpa. node-${host}.example.`));
const written = stringifyZone(parseZone(reverse)).split("\n").filter((line) => line.includes("PTR\t"));
console.log("written again:", written);
assert.deepStrictEqual(written, [
  "@\t10\tIN\tPTR\tnode-10.example.", "@\t11\tIN\tPTR\tnode-11.example.", "12\t7200\tIN\tPTR\tnode-12.example.",
]);

const forward = "$ORIGIN example.\n$TTL 3600\n3proxy IN A 192.0.2.5\nwww 600 IN A 192.0.2.3\nweb IN 600 A 192.0.2.4\n";
console.log("dnsz:", here(forward, "A"), "of type IN:", here(forward, "IN"));
assert.deepStrictEqual(here(forward, "A"), ["example 3 192.0.2.5", "www.example 600 192.0.2.3"]);
assert.deepStrictEqual(here(forward, "IN"), ["web.example 3600 600 A 192.0.2.4"]);
assert.deepStrictEqual(zoneFile.parseZoneFile(forward).a.map((record) => record.name), ["3proxy", "www", "web"]);
console.log("as described: names are times");
JS
node finding.mjs
