#!/usr/bin/env bash
# mt940js (npm): what is booked on 2 January for 31 December is of the January before.
#
# Guess: a statement line of a bank (":61:2512310102D10,00...") has its value date with a year and its entry date with month and day
# only, which is the one near the value date: 2 January 2026.
# Happens: it gets the year of the value date, 2 January 2025. The other way round, value on 2 January and booked on 31 December, it
# is a year late. No check sees it: the lines still sum up to the balances, which the parser verifies.
# Hurts: books that are kept by entry date: around each New Year some payments are in a year that is closed, or a year ahead; a
# search for what is new since the last import misses them. The other eleven months are right.
# mt-940 (Python) and camt053-loader-mt940 take the nearest year.
# Way out: add or subtract a year where the two are more than half a year apart.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund mt940js@1.3.5 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const { Parser } = require("mt940js");
console.log("mt940js", require("./node_modules/mt940js/package.json").version);

const [statement] = new Parser().parse([
  ":20:STATEMENT", ":25:ACCOUNT", ":28C:1/1", ":60F:C251230EUR100,00",
  ":61:2512310102D10,00NTRFNONREF//1", ":86:rent",
  ":61:2601021231C5,00NTRFNONREF//2", ":86:refund",
  ":61:2601050105D1,00NTRFNONREF//3", ":86:fee",
  ":62F:C260105EUR94,00",
].join("\n"));
const days = statement.transactions.map(({ date, entryDate }) => [date, entryDate].map(day => day.toISOString().slice(0, 10)));
for (const [value, entry] of days) console.log(`value date ${value}, entry date ${entry}`);
assert.deepEqual(days, [["2025-12-31", "2025-01-02"], ["2026-01-02", "2026-12-31"], ["2026-01-05", "2026-01-05"]]);
console.log("as described: the year of the value date, whatever the month");
JS
node finding.js
