#!/usr/bin/env bash
# cbor-sync (npm) reads CBOR times as thousandths: all of them are in January 1970.
#
# Guess: tag 1 of CBOR (RFC 8949, 3.4.2) is a time in seconds since 1970, as integer or floating-point number. A library that
# turns it into a Date has the moment that another program wrote.
# Happens: the number is given to Date, which counts milliseconds, as it is. The RFC's own example, 2013-03-21T20:04:00Z, is
# read as 1970-01-16T18:51:36Z. The package itself writes dates as texts (tag 0), and these are right in both directions,
# so it agrees with itself. The package cbor-x is right, and Python's cbor2 writes tag 1 when it is asked for timestamps.
# Hurts: clients in JavaScript of nodes that stamp blocks or records with tag 1, which takes 6 bytes instead of 22: each
# block is decades old, without an error, and their order is still right.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund cbor-sync@1.0.4 cbor-x@1.6.8 >/dev/null
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check cbor2==5.7.1
env/bin/python - >times <<'PYTHON'
import cbor2, datetime
for second in (0, 0.5):
    time = datetime.datetime.fromtimestamp(1363896240 + second, datetime.timezone.utc)
    print(cbor2.dumps(time, datetime_as_timestamp=True).hex())
print(cbor2.dumps(time).hex())
PYTHON
cat >finding.js <<'JS'
const assert = require("assert");
const { readFileSync } = require("fs");
const sync = require("cbor-sync");
const x = require("cbor-x");
for (const name of ["cbor-sync", "cbor-x"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version);
}
const [whole, half, text] = readFileSync("times", "utf8").trim().split("\n");
assert.equal(whole, "c11a514b67b0"); // the example of RFC 8949, appendix A
for (const [hex, right, wrong] of [
  [whole, "2013-03-21T20:04:00.000Z", "1970-01-16T18:51:36.240Z"],
  [half, "2013-03-21T20:04:00.500Z", "1970-01-16T18:51:36.240Z"],
  [text, "2013-03-21T20:04:00.500Z", "2013-03-21T20:04:00.500Z"],
]) {
  const [one, other] = [sync, x].map((library) => library.decode(Buffer.from(hex, "hex")).toISOString());
  console.log(`${hex.length > 20 ? hex.slice(0, 20) + "..." : hex}: cbor-sync ${one}, cbor-x ${other}`);
  assert.deepEqual([one, other], [wrong, right]);
}
console.log("as described: seconds taken for milliseconds");
JS
node finding.js
