#!/usr/bin/env bash
# jsqr (npm): codes for 1,004 to 1,091 bytes at the lowest level of correction cannot be read, while smaller and larger ones can.
#
# Guess: a reader of QR codes reads all 40 sizes at all four levels, of a clean picture at least.
# Happens: size 23 is never read at level L. Its table of places has 74 for the fourth alignment pattern, which stands at 78, so
# that the modules about it are read from wrong places; the higher levels correct that much damage, L does not. The number
# is older than the package: qrcode-reader, of another line, has the same one. (It is reported upstream for both lines.)
# Hurts: programs that hand over transactions, keys or backups from screen to camera, at the level that holds most: a payment with
# a few inputs more cannot be scanned, with still more it can; no tilting helps, and the phone's own reader is right.
# Way out: a higher level, another size, or another reader (the npm package qr, for one).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund jsqr@1.4.0 hqr@0.0.1 qr@0.7.0 >/dev/null
cat >finding.js <<'JS'
import assert from "assert";
import { createRequire } from "module";
import { readFileSync } from "fs";
import { encode } from "hqr";
import decode from "qr/decode.js";
const jsqr = createRequire(import.meta.url)("jsqr");
for (const name of ["jsqr", "qr", "hqr"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version);
}

/** What both readers see in a picture with four dots for each module and four modules of margin. */
function read(text, options) {
  const { data: matrix, version } = encode(text, { border: 0, boostEcc: false, ...options });
  const width = (matrix.length + 8) * 4;
  const data = new Uint8ClampedArray(width * width * 4).fill(255);
  for (let dot = 0; dot < width * width; dot++) {
    const [row, column] = [Math.floor(dot / width), dot % width].map(place => Math.floor(place / 4) - 4);
    if (matrix[row]?.[column]) data.fill(0, dot * 4, dot * 4 + 3);
  }
  return [version, jsqr(data, width, width)?.data ?? null, decode({ width, height: width, data })];
}

for (const bytes of [900, 1003, 1004, 1050, 1091, 1092, 1200]) {
  const text = "0123456789abcdef".repeat(75).slice(0, bytes);
  const [version, here, there] = read(text, { ecc: "L" });
  console.log(`${bytes} bytes, size ${version}: jsqr ${here === text ? "reads" : "does not read"} it, qr reads it`);
  assert.equal(there, text);
  assert.equal(version === 23, bytes >= 1004 && bytes <= 1091);
  if (version === 23) assert.equal(here, null);
  else assert.equal(here, text);
}
const unread = [];
for (let version = 15; version <= 31; version++) {
  for (const ecc of "LMQH") {
    const text = `size ${version} at ${ecc}`;
    const [, here, there] = read(text, { ecc, minVersion: version, maxVersion: version });
    assert.equal(there, text);
    if (here !== text) unread.push(text);
  }
}
console.log("of the sizes 15 to 31 at four levels jsqr does not read", unread);
assert.deepEqual(unread, ["size 23 at L"]);
console.log("as described: one size is missing");
JS
node finding.js
