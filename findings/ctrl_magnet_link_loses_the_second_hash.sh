#!/usr/bin/env bash
# @ctrl/magnet-link (npm): a magnet link with both hashes, read and written again, has only the older one.
#
# Guess: a hybrid torrent has two hashes, and its link names both: xt=urn:btih:… (SHA-1) and xt=urn:btmh:… (SHA-256, BEP 52).
# magnetDecode() knows both, as infoHash and infoHashV2, and magnetEncode() of its result is the link again. The package is a port
# of magnet-uri, which does that.
# Happens: if there is an infoHash, it becomes the only xt, and the list that was read is dropped with the newer hash. A link with
# one hash, of either kind, and a list of xt without infoHash are right.
# Hurts: sites and clients that add a tracker or a name to a link and pass it on: who gets it does not find the peers of the newer
# kind, and has nothing but SHA-1 to check what arrives. Nothing is missing to see, as the link works.
# Way out: delete infoHash from the result before it is encoded.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund @ctrl/magnet-link@4.2.0 magnet-uri@7.0.10 >/dev/null
cat >finding.js <<'JS'
import assert from "assert";
import { readFileSync } from "fs";
import { magnetDecode, magnetEncode } from "@ctrl/magnet-link";
import parse, { encode } from "magnet-uri";
for (const name of ["@ctrl/magnet-link", "magnet-uri"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version);
}
const older = "c12fe1c06bba254a9dc9f519b335aa7c1367a88a";
const newer = "caf1e1c30e81cb361b9ee167c4aa64228a7fa4fa9f6105232b28ad099f3a302e";
const [first, second] = [`xt=urn:btih:${older}`, `xt=urn:btmh:1220${newer}`];
for (const [what, link, written] of [
  ["older hash", `magnet:?${first}&dn=x`, `magnet:?${first}&dn=x`],
  ["newer hash", `magnet:?${second}&dn=x`, `magnet:?${second}&dn=x`],
  ["both", `magnet:?${first}&${second}&dn=x`, `magnet:?${first}&dn=x`],
  ["both, the newer first", `magnet:?${second}&${first}&dn=x`, `magnet:?${first}&dn=x`],
]) {
  const again = magnetEncode(magnetDecode(link));
  console.log(`${what}:\n  ${link}\n  ${again}`);
  assert.equal(again, written);
  assert.equal(encode(parse(link)), link);
}
const read = magnetDecode(`magnet:?${first}&${second}`);
assert.deepEqual([read.infoHash, read.infoHashV2], [older, newer]);
assert.equal(magnetEncode({ infoHash: older, infoHashV2: newer }), `magnet:?${first}`);
assert.equal(encode({ infoHash: older, infoHashV2: newer }), `magnet:?${first}&${second}`);
delete read.infoHash;
console.log(`without infoHash: ${magnetEncode(read)}`);
assert.ok(magnetEncode(read).includes(newer));
console.log("as described: the newer hash is lost");
JS
node finding.js
