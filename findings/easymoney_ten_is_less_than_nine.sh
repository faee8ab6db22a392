#!/usr/bin/env bash
# @easymoney/money (npm): amounts are compared as words are: 10 is less than 9, and 1,000 less than 999.
#
# Guess: compare(), lessThan(), greaterThan() and their like put two amounts of one currency in the order of their numbers. Sums,
# differences and shares are right, so amounts are numbers inside.
# Happens: they are texts inside, turned into numbers for each sum, but not for a comparison. That is right where both have as many
# digits and no sign. Of the pairs of amounts from 0 to 1,000 one in eleven stands the other way, of those from -1,000 to 0 ten in
# eleven. isZero(), isPositive(), isNegative() and equals() are right, and so is whatever a test of 100 and 200 asks.
# Hurts: "is there enough on the account", limits, lists sorted by amount, the smaller of two offers: a balance of 10.00 does not
# cover 9.99 (1000 and 999 cents), and one of 9.99 covers 10.00.
# Way out: subtract() and isNegative().
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund @easymoney/money@1.0.2 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const { createMoney } = require("@easymoney/money");
console.log("@easymoney/money", require("./node_modules/@easymoney/money/package.json").version);

const money = amount => createMoney({ amount, currency: "USD" });
for (const [first, second] of [[1000, 999], [10, 9], [200, 100], [100000, 99], [-5, -3], [-3, 5]]) {
  const [a, b] = [money(first), money(second)];
  const right = Math.sign(first - second);
  console.log(`${first} and ${second}: compare() ${a.compare(b)}, greaterThan() ${a.greaterThan(b)}, lessThan() ${a.lessThan(b)}`);
  const wrong = String(first).length !== String(second).length && first > 0 || (first < 0 && second < 0);
  assert.equal(a.compare(b), wrong ? -right : right);
  assert.deepEqual([a.greaterThan(b), a.lessThan(b)], [a.compare(b) > 0, a.compare(b) < 0]);
  const difference = a.subtract(b);
  assert.equal(difference.isPositive() - difference.isNegative(), right);
}

function wrongly(low, high) {
  let pairs = 0, wrong = 0;
  const all = Array.from({ length: high - low + 1 }, (_, place) => money(low + place));
  all.forEach((first, place) => {
    for (const second of all.slice(place + 1)) {
      pairs++;
      wrong += !first.lessThan(second);
    }
  });
  return [wrong, pairs];
}
for (const [low, high, expected] of [[0, 300, 17835], [-300, 0, 27015], [100, 300, 0]]) {
  const [wrong, pairs] = wrongly(low, high);
  console.log(`from ${low} to ${high}: ${wrong} of ${pairs} pairs are in the wrong order`);
  assert.equal(wrong, expected);
}
const sorted = [1000, 999, 20, 100, 3].map(money).sort((a, b) => a.compare(b)).map(one => one.getAmount());
console.log("sorted:", sorted.join(", "));
assert.deepEqual(sorted, ["100", "1000", "20", "3", "999"]);
console.log("as described: amounts are ordered as words");
JS
node finding.js
