#!/usr/bin/env bash
# qr-code-generator-lib (npm): each umlaut cuts one letter off the end of the text in the code, each euro sign two.
#
# Guess: the package has one mode, "utf8/byte". A payment code with a name, an amount and a reason is read as it was written,
# or is refused if it is too long.
# Happens: the text is written as UTF-8, and its length as the number of characters. A reader takes that many bytes: "Zürich"
# is "Züric" for jsqr, and an amount at the end loses its last digits. What remains is read as the next segment, and if that
# is none, the whole code cannot be read. Codes of ASCII alone are right.
# Hurts: codes for transfers (EPC069-12, Swiss and Czech ones) and memos, in most languages but English: the code looks as any
# other, and the reason or the reference on it ends early. Tests with links pass.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund qr-code-generator-lib@1.0.1 jsqr@1.4.0 >/dev/null
cat >finding.js <<'JS'
import assert from "assert";
import { createRequire } from "module";
import { readFileSync } from "fs";
import { getMatrix } from "qr-code-generator-lib";
const jsqr = createRequire(import.meta.url)("jsqr");
for (const name of ["qr-code-generator-lib", "jsqr"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version);
}

/** What is read in a picture of the code, with four dots for each module and four modules of margin. */
function read(matrix) {
  const width = (matrix.length + 8) * 4;
  const picture = new Uint8ClampedArray(width * width * 4).fill(255);
  for (let dot = 0; dot < width * width; dot++) {
    const [row, column] = [Math.floor(dot / width), dot % width].map(place => Math.floor(place / 4) - 4);
    if (matrix[row]?.[column]) picture.fill(0, dot * 4, dot * 4 + 3);
  }
  return jsqr(picture, width, width)?.data ?? null;
}

for (const [text, expected] of [
  ["Zurich, 12500", "Zurich, 12500"],
  ["Zürich", "Züric"],
  ["Zürich, 12500", "Zürich, 1250"],
  ["Danke schön, Jörg!", "Danke schön, Jör"],
  ["5 € für Müller", "5 € für Mü"],
  ["Miete Mai, Jorg Muller, 1250 EUR", "Miete Mai, Jorg Muller, 1250 EUR"],
  ["Miete Mai, Jörg Müller, 1250 EUR", null],
]) {
  const seen = read(getMatrix(text));
  console.log(`written ${JSON.stringify(text)}, read ${JSON.stringify(seen)}`);
  assert.equal(seen, expected);
}
console.log("as described: the end is cut");
JS
node finding.js
