#!/usr/bin/env bash
# vectorclock (npm): sorted by its own function, the newest write may not come first, and its recipe for read repair drops it.
#
# Guess: descSort() is for Array.sort and puts the greatest clock first. The recipe of its text relies on that: sort the answers
# of the replicas, keep the first and all that are concurrent with it.
# Happens: concurrent clocks compare as equal, and that is no order to sort by: of the answers {a: 1}, {b: 1}, {a: 2}
# neighbours are "equal", so they stay as they came. The recipe keeps {a: 1} and {b: 1}, and drops {a: 2}, which follows from
# the first. In the order {a: 2}, {b: 1}, {a: 1} it is right. @thi.ng/vclock's orderDesc sorts in the same way.
# Hurts: stores with replicas: after a conflict the older write is written back over the newer one, or not, depending on which
# replica answers first. With two answers, as in most tests, nothing happens.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund vectorclock@0.0.0 @thi.ng/vclock@0.1.10 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const clocks = require("vectorclock");
const { orderDesc } = require("@thi.ng/vclock");
for (const name of ["vectorclock", "@thi.ng/vclock"]) {
  console.log(name, require(`${name}/package.json`).version);
}

function kept(answers) {
  const [first, ...others] = [...answers].sort(clocks.descSort);
  return [first, ...others.filter((other) => clocks.isConcurrent(other, first))];
}

const [old, other, newest] = [{ a: 1 }, { b: 1 }, { a: 2 }];
assert.equal(clocks.compare(newest, old), clocks.GT);
const show = (list) => JSON.stringify(list).replaceAll('"', "");
const results = [[newest, other, old], [old, newest, other], [old, other, newest], [other, old, newest]].map((answers) => {
  const result = kept(answers);
  console.log(`answers ${show(answers)}: kept ${show(result)}`, result.includes(newest) ? "" : "(the newest is lost)");
  return result.includes(newest);
});
assert.deepStrictEqual(results, [true, true, false, true]);

for (const order of [clocks.descSort, orderDesc]) {
  assert.deepStrictEqual([old, other, newest].sort(order), [old, other, newest]);
}
console.log("as described: the newest write is not the first");
JS
node finding.js
