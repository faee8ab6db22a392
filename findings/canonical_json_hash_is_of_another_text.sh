#!/usr/bin/env bash
# canonical-json (npm): hash() of an object is not the hash of stringify() of it where keys are numbers.
#
# Guess: the package is "compliant with RFC 8785": keys are sorted by their characters, so "10" comes before "9". hash(value) is
# the hash of stringify(value), without the text in between, and indentation changes white space only.
# Happens: stringify() copies the object with sorted keys and leaves the rest to JSON.stringify(), which puts keys that are whole
# numbers first and by value: "9", "10", "a". With indentation, in hash() and in walk() the order is that of the standard: "10",
# "9", "a". Values with toJSON(), too, are sorted there, and not in stringify(). Objects with names as keys are the same in all.
# Hurts: ledgers and caches whose objects are keyed by height, year or account number: what one program hashes with hash() another
# does not find with stringify(), and texts differ from those in other languages. With up to ten entries all agree.
# Way out: walk(), and join the pieces.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund canonical-json@0.4.0 canonicalize@2.1.0 >/dev/null
cat >finding.js <<'JS'
import assert from "assert";
import { createHash } from "crypto";
import { readFileSync } from "fs";
import stringify, { walk } from "canonical-json";
import { hash } from "canonical-json/hash";
import canonicalize from "canonicalize";
for (const name of ["canonical-json", "canonicalize"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version);
}
const sha256 = text => createHash("sha256").update(text).digest("hex");
const walked = value => {
  let text = "";
  walk(value, piece => { text += piece; });
  return text;
};
for (const [value, agree] of [
  [{ b: 1, a: 2 }, true],
  [{ 9: "nine", 8: "eight" }, true],
  [{ 10: "ten", 9: "nine", a: 1 }, false],
  [{ 2024: "x", "-1": "y", "01": "z" }, false],
  [{ made: { toJSON: () => ({ b: 1, a: 2 }) } }, false],
]) {
  const texts = {
    "stringify()": stringify(value), "stringify(…, 1)": stringify(value, null, 1).replace(/\n */g, "").replace(/": /g, '":'),
    "walk()": walked(value), canonicalize: canonicalize(value),
  };
  console.log(texts);
  console.log(`  hash() ${hash(value).slice(0, 8)}…, of the text of stringify() ${sha256(stringify(value)).slice(0, 8)}…`);
  assert.equal(texts["walk()"], texts.canonicalize);
  assert.equal(texts["stringify(…, 1)"], texts.canonicalize);
  assert.equal(hash(value), sha256(texts.canonicalize));
  assert.equal(texts["stringify()"] === texts.canonicalize, agree);
  assert.equal(stringify(value), stringify(value, null, ""));
}
for (const count of [9, 10, 11, 1000]) {
  const value = Object.fromEntries(Array.from({ length: count }, (_, place) => [place, "entry"]));
  const agree = hash(value) === sha256(stringify(value));
  console.log(`keys 0 to ${count - 1}: hash() ${agree ? "is" : "is not"} that of stringify()`);
  assert.equal(agree, count <= 10);
}
console.log("as described: two orders of keys");
JS
node finding.js
