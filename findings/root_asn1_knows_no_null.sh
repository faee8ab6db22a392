#!/usr/bin/env bash
# @root/asn1 (npm): NULL, which is in each RSA key and certificate, cannot be read, and the bits of a key usage move when they are written.
#
# Guess: parse() of DER and pack() of what it gave are the same bytes. NULL is in its read-me's list of common types.
# Happens: an empty value is taken for a container without children: parse() of a NULL throws "Cannot read properties of undefined (reading
# 'map')", in whatever it is; with json: false it is read and pack() throws "unexpected array". Keys of P-256 and Ed25519, which have
# no NULL, go both ways. A BIT STRING is always written with 0 unused bits, before the count that was read as part of its value: the
# key usage 03 02 05 a0 (signature, encipherment) comes back as 03 03 00 05 a0, other usages; -1 comes back as 255. An OCTET STRING whose
# bytes look like an integer with a leading zero is a byte shorter.
# Hurts: nodes that make their TLS certificates with it: RSA keys from elsewhere end in an error about "map"; an extension that was
# copied from a request allows other things, and the signature over the old bytes fails.
# Way out: asn1js (shown beside it), or node:crypto for keys; leave extensions as the bytes they came in.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts @root/asn1@1.0.2 asn1js@3.0.6 >/dev/null
cat >finding.cjs <<'JS'
const assert = require("node:assert");
const { generateKeyPairSync } = require("node:crypto");
const { readFileSync } = require("node:fs");
const ASN1 = require("@root/asn1");
const asn1js = require("asn1js");
for (const name of ["@root/asn1", "asn1js"]) console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version);

const answer = (action) => {
  try {
    return action();
  } catch (error) {
    return error.message;
  }
};
const here = (der, json) => answer(() => Buffer.from(ASN1.pack(ASN1.parse({ der, json }))).toString("hex"));
const elsewhere = (der) => Buffer.from(asn1js.fromBER(new Uint8Array(der).buffer).result.toBER()).toString("hex");
const read = "Cannot read properties of undefined (reading 'map')";

for (const [kind, options] of [["rsa", { modulusLength: 2048 }], ["ec", { namedCurve: "P-256" }], ["ed25519", {}]]) {
  const der = generateKeyPairSync(kind, options).publicKey.export({ type: "spki", format: "der" });
  const found = [true, false].map((json) => here(der, json)).map((result) => (result === der.toString("hex") ? "the same" : result));
  console.log(`public key, ${kind}:`, found, "| by asn1js the same:", elsewhere(der) === der.toString("hex"));
  assert.deepStrictEqual(found, kind === "rsa" ? [read, "unexpected array"] : ["the same", "the same"]);
  assert.equal(elsewhere(der), der.toString("hex"));
}
for (const [what, hex, expected] of [
  ["NULL", "0500", read],
  ["key usage: signature, encipherment", "030205a0", "03030005a0"],
  ["minus one", "0201ff", "020200ff"],
  ["four bytes 02 02 00 0f", "04040202000f", "040302010f"],
  ["four bytes 01 02 03 04", "040401020304", "040401020304"],
]) {
  const der = Buffer.from(hex, "hex");
  console.log(`${what}: ${hex} is ${here(der, true)}, by asn1js ${elsewhere(der)}`);
  assert.equal(here(der, true), expected);
  assert.equal(elsewhere(der), hex);
}
console.log("as described: no NULL, and other bits");
JS
node finding.cjs
