#!/usr/bin/env bash
# json-canonicalize (npm) does not sort the keys of what toJSON() returns, nor of objects with a key "toJSON".
#
# Guess: RFC 8785 orders the keys of each object, "recursive" as the documentation says. An object of a class with toJSON(),
# as amounts, dates and addresses often are, gives the same text as the plain object that toJSON() returns, as it does
# with the package canonicalize.
# Happens: whatever has a property toJSON that is not null is handed to JSON.stringify with all that is in it, and keeps the
# order in which its keys were set. That also holds for parsed data: of {"toJSON": 1, "b": 2, "a": 3} nothing is sorted.
# Hurts: whoever signs or hashes objects of classes: the signature fits the text that the sender made, and never the text
# that a receiver makes from the JSON it got, with this package or with any other.
# Way out: canonicalize(JSON.parse(JSON.stringify(value))), which mends the first case.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund json-canonicalize@3.0.1 canonicalize@4.0.0 >/dev/null
cat >finding.js <<'JS'
import assert from "assert";
import { readFileSync } from "fs";
import { canonicalize } from "json-canonicalize";
import other from "canonicalize";
for (const name of ["json-canonicalize", "canonicalize"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version);
}

class Payment {
  toJSON() {
    return { to: "bob", amount: { value: 5, unit: "coin" } };
  }
}
function show(what, value, wanted, same) {
  const [text, text2] = [canonicalize(value), other(value)];
  console.log(`${what}:\n  json-canonicalize ${text}\n  canonicalize      ${text2}`);
  assert.equal(text === wanted, same);
  assert.equal(text2, wanted);
}
const received = JSON.parse(JSON.stringify(new Payment()));
const sorted = '{"amount":{"unit":"coin","value":5},"to":"bob"}';
show("a plain object", received, sorted, true);
show("the same from toJSON()", new Payment(), sorted, false);
assert.equal(canonicalize(new Payment()), JSON.stringify(new Payment()));
const parsed = JSON.parse('{"toJSON":1,"b":2,"a":3}');
console.log(`parsed data with a key "toJSON":\n  json-canonicalize ${canonicalize(parsed)}`);
assert.equal(canonicalize(parsed), '{"toJSON":1,"b":2,"a":3}');
console.log("as described: one value, two canonical texts");
JS
node finding.js
