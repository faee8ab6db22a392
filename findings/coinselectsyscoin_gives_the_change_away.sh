#!/usr/bin/env bash
# coinselectsyscoin (npm): if a recipient pays the fee, there is no change: what is left of the coins goes to the miners.
#
# Guess: outputs with subtractFeeFrom get their value less the fee, and all else is as in coinselect, from which the package comes:
# "each algorithm will add a change output", says its page, "for the purposes of safety". The fee that it returns is inputs
# less outputs.
# Happens: with such an output no change is ever added. Of a coin of 200,000 of which 60,000 are sent, 58,900 arrive and 141,100
# are fee, while the result says fee: 1100. If half of the outputs or more are marked, all coins of the wallet are taken too: of
# three such coins 542,460 are lost. Without the mark the same payments have their change. Sending all, for which the mark may
# be meant, is right.
# Hurts: wallets that offer "the recipient pays the fee": each such payment empties the wallet, and a look at the fee that was
# returned does not tell.
# Way out: compare the sums of inputs and outputs, for all results.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund coinselectsyscoin@1.1.10 bn.js@5.2.1 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const BN = require("bn.js");
const { coinSelect } = require("coinselectsyscoin");
console.log("coinselectsyscoin", require("coinselectsyscoin/package.json").version);

const coins = values => values.map((value, place) => ({ txId: `coin ${place}`, vout: 0, type: "BECH32", value: new BN(value) }));
const sum = list => list.reduce((total, one) => total + one.value.toNumber(), 0);
function pay(values, payments, marked) {
  const outputs = payments.map((value, place) => (
    { address: `recipient ${place}`, type: "BECH32", value: new BN(value), ...(place < marked && { subtractFeeFrom: true }) }
  ));
  const result = coinSelect(coins(values), [], outputs, new BN(10));
  const change = result.outputs.filter(output => !output.address);
  return {
    taken: sum(result.inputs), arrives: sum(result.outputs) - sum(change), change: sum(change),
    fee: sum(result.inputs) - sum(result.outputs), said: result.fee.toNumber(),
  };
}
const three = [200000, 200000, 200000];
for (const [what, values, payments, marked, expected] of [
  ["one coin, sender pays", [200000], [60000], 0, { taken: 200000, arrives: 60000, change: 138520, fee: 1480, said: 1480 }],
  ["one coin, recipient pays", [200000], [60000], 1, { taken: 200000, arrives: 58900, change: 0, fee: 141100, said: 1100 }],
  ["three coins, sender pays", three, [60000], 0, { taken: 200000, arrives: 60000, change: 138520, fee: 1480, said: 1480 }],
  ["three coins, recipient pays", three, [60000], 1, { taken: 600000, arrives: 57540, change: 0, fee: 542460, said: 2460 }],
  ["one of three pays", [200000], [60000, 40000, 40000], 1, { taken: 200000, arrives: 138280, change: 0, fee: 61720, said: 1720 }],
  ["all is sent, recipient pays", [200000], [200000], 1, { taken: 200000, arrives: 198900, change: 0, fee: 1100, said: 1100 }],
]) {
  const result = pay(values, payments, marked);
  console.log(`${what}:`, result);
  assert.deepEqual(result, expected);
}
console.log("as described: the change is given away");
JS
node finding.js
