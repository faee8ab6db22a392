#!/usr/bin/env bash
# enhanced-ms (npm): ".5s" is five seconds, "-5m" is five minutes ahead, and a mistake in a text is dropped.
#
# Guess: it calls itself an enhanced version of ms, so what ms reads has the same value in it: ".5s" is 500, "-5m" is -300000.
# Happens: it looks for digits with a unit anywhere in the text, and skips what stands between. The point before the first digit
# and the minus sign are skipped: ten times the time, and another direction. "1h-5m" is 65 minutes. Texts that ms refuses have a
# value too. "1,000ms" is NaN, with which each comparison fails and setTimeout fires at once.
# Hurts: timeouts and delays of a configuration file that moved from one package to the other: ten times as long, without an
# error, where the point stands first; "0.5s" is right.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund enhanced-ms@5.0.0 ms@2.1.3 >/dev/null
cat >finding.js <<'JS'
import assert from "assert";
import { readFileSync } from "fs";
import { ms as enhanced } from "enhanced-ms";
import ms from "ms";
const version = (name) => `${name} ${JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version}`;
console.log(`${version("enhanced-ms")}, beside ${version("ms")}`);

const expected = {
  "0.5s": [500, 500],
  "1.5h": [5400000, 5400000],
  ".5s": [500, 5000],
  "-5m": [-300000, 300000],
  "1h-5m": [undefined, 3900000],
  "1,000ms": [undefined, NaN],
};
for (const [text, values] of Object.entries(expected)) {
  const found = [ms(text), enhanced(text)];
  console.log(`"${text}": ms ${found[0]}, enhanced-ms ${found[1]}`);
  assert.deepStrictEqual(found, values);
}
console.log("as described: the first point and the sign are skipped");
JS
node finding.js
