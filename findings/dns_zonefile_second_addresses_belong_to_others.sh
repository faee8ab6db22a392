#!/usr/bin/env bash
# dns-zonefile (npm) and zonefile-parser (Python): a line without a name is given to another name than that of the line above.
#
# Guess: a line that begins with a space has the name of the record before it, whatever that one's type (RFC 1035, 5.1). So people write an A
# and, below it, the AAAA of the same node.
# Happens: dns-zonefile takes the name of the last record of the same type, or "@" if there is none: the AAAA of the first node is the
# zone's, that of each further node goes there as well or, once some AAAA had a name of its own, to that one. zonefile-parser remembers
# names only as long as there is no $ORIGIN: with one, each such line belongs to the zone itself. It also appends the origin to names that end
# in a point already. dns-zonefile leaves out records whose class or type is in small letters or whose time to live stands behind the
# class, and cuts a TXT in brackets after its first line. No error is raised in any case.
# Hurts: tools that read a zone to list or move nodes: IPv6 addresses of all nodes are announced for one name, and the nodes have none.
# Way out: a name in each line. dnspython, shown beside them, reads such zones right.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts dns-zonefile@0.3.2 >/dev/null
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check zonefile-parser==0.1.20 dnspython==2.8.0
cat >zone <<'ZONE'
$ORIGIN example.
$TTL 3600
@ IN SOA ns.example. admin.example. 1 7200 3600 1209600 300
@ IN NS ns.example.
ns IN A 192.0.2.1
 IN AAAA 2001:db8::1
peer1 IN A 192.0.2.2
 IN AAAA 2001:db8::2
peer2 IN AAAA 2001:db8::3
peer3 IN A 192.0.2.4
 IN AAAA 2001:db8::4
ZONE
cat >finding.mjs <<'JS'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import zonefile from "dns-zonefile";
console.log("dns-zonefile", JSON.parse(readFileSync("node_modules/dns-zonefile/package.json")).version);
const found = zonefile.parse(readFileSync("zone", "utf8")).aaaa.map(({ name, ip }) => `${name} ${ip}`);
console.log(found);
assert.deepStrictEqual(found, ["@ 2001:db8::1", "@ 2001:db8::2", "peer2 2001:db8::3", "peer2 2001:db8::4"]);
const some = zonefile.parse('a in a 192.0.2.1\nb IN 600 A 192.0.2.2\nc 600 IN A 192.0.2.3\nd IN TXT ( "one"\n  "two" )\n');
console.log("small letters, class before time, the usual order; TXT:", JSON.stringify(some));
assert.deepStrictEqual(some, { a: [{ name: "c", ip: "192.0.2.3", ttl: 600 }], txt: [{ name: "d", txt: '( "one"' }] });
JS
node finding.mjs
env/bin/python - <<'PYTHON'
from importlib.metadata import version

import dns.zone
import zonefile_parser

print("zonefile-parser", version("zonefile-parser"), "dnspython", version("dnspython"))
with open("zone") as file:
    text = file.read()
found = [f"{record.name} {record.rdata['value']}" for record in zonefile_parser.parse(text) if record.rtype == "AAAA"]
right = [f"{name} {data}" for name, _, data in dns.zone.from_text(text).iterate_rdatas("AAAA")]
print(found, "by dnspython:", right)
assert found == ["example. 2001:db8::1", "example. 2001:db8::2", "peer2.example. 2001:db8::3", "example. 2001:db8::4"]
assert right == ["ns 2001:db8::1", "peer1 2001:db8::2", "peer2 2001:db8::3", "peer3 2001:db8::4"]
absolute = zonefile_parser.parse(text + "relay.other. IN A 192.0.2.9\n")[-1].name
print("relay.other. is", absolute)
assert absolute == "relay.other..example."
print("as described: second addresses belong to others")
PYTHON
