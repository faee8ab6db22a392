#!/usr/bin/env bash
# zone-file (npm): after a second pair of brackets one node has the address of the next, and a semicolon in quotation marks cuts a text.
#
# Guess: brackets let a record go on over several lines, any number of times in a file, and ";" within quotation marks is no comment
# (RFC 1035, 5.1): a SOA over several lines and a long TXT over several lines are the usual look of a zone.
# Happens: the brackets' places are found in the whole text and then cut out of an array, which grows shorter with each cut, so that from the second
# pair on another place is cut: as many characters as the pair has, somewhere below. Of the records there one keeps its name and gets the
# address of another; what the second pair held loses its later lines. "v=DKIM1; k=rsa" is cut to "v=DKIM1" even without brackets;
# "$TTL 1h" is one second; a line that begins with a space has the name "IN", or its time to live for a name. No error is raised.
# Hurts: programs that keep names and addresses in a zone (wallets of name systems do): peer2 is reached at peer3's address, and
# peer3 is gone. Files with one pair of brackets, for the SOA, come through, which is what the examples have.
# Way out: no brackets but the SOA's, "\;" for ";", times in seconds, and a name in each line.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts zone-file@1.0.0 dnsz@4.5.2 >/dev/null
cat >finding.mjs <<'JS'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { parseZone } from "dnsz";
import zoneFile from "zone-file";
const version = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version;
console.log("zone-file", version("zone-file"), "dnsz", version("dnsz"));

const soa = "@ IN SOA ns admin (\n    1\n    7200\n    3600\n    1209600\n    300 )\n";
const brackets = '_tcp IN TXT ( "one"\n    "two" )\n';
const peers = [1, 2, 3, 4].map((n) => `peer${n} IN A 192.0.2.${n}\n`).join("");
const head = "$ORIGIN example.\n$TTL 3600\n";
const here = (text) => zoneFile.parseZoneFile(head + text);
const elsewhere = (text, type) => parseZone(head + text).records.filter((record) => record.type === type)
  .map(({ name, content }) => `${name.replace(".example", "")} ${content}`);
const addresses = ({ a }) => a.map(({ name, ip }) => `${name} ${ip}`);
const right = ["peer1 192.0.2.1", "peer2 192.0.2.2", "peer3 192.0.2.3", "peer4 192.0.2.4"];

for (const text of [soa + peers, brackets + peers]) assert.deepStrictEqual(addresses(here(text)), right);
const both = soa + brackets + peers;
console.log("zone-file:", addresses(here(both)), here(both).txt, "\ndnsz:", elsewhere(both, "A"), elsewhere(both, "TXT"));
assert.deepStrictEqual(addresses(here(both)), ["peer1 192.0.2.1", "peer2 192.0.2.3", "peer4 192.0.2.4"]);
assert.deepStrictEqual(here(both).txt, [{ name: "_tcp", txt: "one" }]);
assert.deepStrictEqual(elsewhere(both, "A"), right);
assert.deepStrictEqual(elsewhere(both, "TXT"), ['_tcp "one" "two"']);

const key = 'dkim IN TXT "v=DKIM1; k=rsa; p=MIIB"\n';
console.log(key.trim(), "| zone-file:", here(key).txt[0].txt, "| dnsz:", elsewhere(key, "TXT")[0]);
assert.equal(here(key).txt[0].txt, "v=DKIM1");
assert.deepStrictEqual(elsewhere(key, "TXT"), ['dkim "v=DKIM1; k=rsa; p=MIIB"']);

const spaces = zoneFile.parseZoneFile("$TTL 1h\nnode IN A 192.0.2.1\n IN AAAA 2001:db8::1\n 300 IN AAAA 2001:db8::2\n");
console.log("$TTL 1h:", spaces.$ttl, "| second lines of node:", spaces.aaaa);
assert.deepStrictEqual(spaces.$ttl, 1);
assert.deepStrictEqual(spaces.aaaa.map(({ name }) => name), ["IN", "300"]);
console.log("as described: one node has the address of another");
JS
node finding.mjs
