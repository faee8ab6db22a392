#!/usr/bin/env bash
# golomb (npm, of the bcoin family): one filter in 785,000 denies an element that it was built from.
#
# Guess: a Golomb-coded set (BIP 158) may say yes for what is not in it, once in 784,931 questions, and never no for what is.
# match(item) and matchAny([item]) agree.
# Happens: match() reads while the last value is less than the hash that it looks for, and the first such value is 0: if the
# item's hash is 0 it reads nothing and answers false. matchAny() answers true for the same item and filter, and for filters
# of other elements too.
# Hurts: light wallets that ask for one script at a time: with a block every ten minutes, one block in 15 years has a
# script whose owner does not fetch it, and a balance is wrong until the chain is scanned in another way.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts golomb@1.2.0 bcrypto@5.0.4 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const Golomb = require("golomb");
console.log("golomb", require("golomb/package.json").version);

const key = Buffer.alloc(16, 7);
const ask = (filter, text) => [filter.match(key, Buffer.from(text)), filter.matchAny(key, [Buffer.from(text)])];
const filterOf = (...texts) => Golomb.fromItems(19, key, texts.map((text) => Buffer.from(text)));

for (let n = 0; n < 200; n++) {
  assert.deepStrictEqual(ask(filterOf(`item ${n}`), `item ${n}`), [true, true]);
}
console.log("200 filters of one element: match and matchAny find it in each");

// Its SipHash with this key, brought into the range of a filter with one element, is 0. A search among 300,000 found it.
const rare = "item 285763";
const own = ask(filterOf(rare), rare);
console.log(`a filter of "${rare}": match ${own[0]}, matchAny ${own[1]}`);
assert.deepStrictEqual(own, [false, true]);
const other = ask(filterOf("item 1"), rare);
console.log(`a filter of "item 1", asked for "${rare}": match ${other[0]}, matchAny ${other[1]}`);
assert.deepStrictEqual(other, [false, true]);
const restored = Golomb.fromRaw(filterOf(rare).toRaw());
assert.deepStrictEqual(ask(restored, rare), [false, true]);
console.log("as described: the filter denies its own element");
JS
NODE_BACKEND=js node finding.js
