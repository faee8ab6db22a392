#!/usr/bin/env bash
# geohash (npm): calculateAdjacent() raises ReferenceError wherever the neighbour lies in another of the larger cells.
#
# Guess: calculateAdjacent(hash, direction) gives the cell beside a cell, for each of them: the documentation's eight neighbours of
# dqcjqc lie in dqcjq and in dqcjr.
# Happens: for a cell at the border of its parent the function calls itself by a name that does not exist in a module:
# "calculateAdjacent is not defined". Of the 32 cells of a parent, 4 or 8 have such a border on a given side, and 20 on any.
# The documentation's example is one of them, towards the east. geohasher, from the same source, and geohashing are right.
# Hurts: searches for what is near, which is what the neighbours are for: they fail for most places, and pass in a test whose
# cell lies in the middle.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund geohash@0.0.1 geohasher@0.0.1 geohashing@2.0.1 >/dev/null
cat >finding.js <<'JS'
import assert from "assert";
import { readFileSync } from "fs";
import geohash from "geohash";
import geohasher from "geohasher";
import * as geohashing from "geohashing";
for (const name of ["geohash", "geohasher", "geohashing"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version);
}
const sides = { top: "north", bottom: "south", left: "west", right: "east" };
function beside(cell, side) {
  try {
    return geohash.GeoHash.calculateAdjacent(cell, side);
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
}
const failed = "ReferenceError: calculateAdjacent is not defined";
for (const side of Object.keys(sides)) console.log(`dqcjqc ${side}: ${beside("dqcjqc", side)}`);
assert.equal(beside("dqcjqc", "top"), "dqcjqf");
assert.equal(beside("dqcjqc", "right"), failed);

for (const parent of ["dqcj", "dqcjq"]) {
  const counts = {};
  let spoilt = 0;
  for (const letter of "0123456789bcdefghjkmnpqrstuvwxyz") {
    const cell = parent + letter;
    let any = false;
    for (const [side, direction] of Object.entries(sides)) {
      const right = geohashing.getNeighborBase32(cell, direction);
      const beyond = !right.startsWith(parent);
      assert.equal(beside(cell, side), beyond ? failed : right);
      assert.equal(geohasher.calculateAdjacent(cell, side), right);
      counts[side] = (counts[side] ?? 0) + beyond;
      any ||= beyond;
    }
    spoilt += any;
  }
  console.log(`of the 32 cells in ${parent} there fail`, counts, `and on any side ${spoilt}`);
  assert.deepEqual(Object.values(counts).sort(), [4, 4, 8, 8]);
  assert.equal(spoilt, 20);
}
console.log("as described: no neighbour beyond the border");
JS
node finding.js
