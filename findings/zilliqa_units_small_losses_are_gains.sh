#!/usr/bin/env bash
# @zilliqa-js/util and @harmony-js/utils (npm): minus half a coin is shown as half a coin.
#
# Guess: toQa/fromQa (Zilliqa) and Unit (Harmony, which has the same code) convert between whole coins and smallest units both ways,
# negative amounts too: -1.5 is read and written well.
# Happens: the whole coins are written, a point, and the rest. Of an amount between -1 and 0 the whole coins are 0, which has no sign, and
# so the minus is gone: -0.5 ZIL to Qa and back is 0.5 ZIL. From smallest units to coins -999999999999999999 is 0.99...9. From
# -1 on downward all is right, and so are hexadecimal texts.
# Hurts: what shows changes of a balance: fees, losses and corrections are mostly smaller than one coin, and stand there as income. Sums
# over what was shown are off by twice as much. Tests with -1.5 see nothing.
# Way out: take the sign off first; formatUnits of ethers or viem.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts @zilliqa-js/util@3.5.0 @harmony-js/utils@0.1.58 bn.js@5.2.1 ethers@6.13.4 >/dev/null 2>&1
cat >try.cjs <<'JS'
const assert = require("node:assert");
const { readFileSync } = require("node:fs");
const BN = require("bn.js");
const { formatUnits } = require("ethers");
const { units } = require("@zilliqa-js/util");
const { Unit } = require("@harmony-js/utils");

for (const name of ["@zilliqa-js/util", "@harmony-js/utils"])
    console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version);
for (const text of ["1.5", "0.5", "-1.5", "-1.000000000001", "-0.5", "-0.000000000001", "-0.999999999999"]) {
    const qa = units.toQa(text, units.Units.Zil).toString();
    const zil = units.fromQa(new BN(qa), units.Units.Zil);
    const wei = new Unit(text).asOne().toWei().toString();
    const one = new Unit(wei).asWei().toOne();
    console.log(`${text}: ${qa} Qa, back ${zil} ZIL; ${wei} of Harmony, back ${one} ONE; ethers ${formatUnits(wei, 18)}`);
    assert.equal(formatUnits(wei, 18), text);
    assert.equal(formatUnits(qa, 12), text);
    const lost = text.startsWith("-0.");
    assert.equal(zil, lost ? text.slice(1) : text);
    assert.equal(one, lost ? text.slice(1) : text);
}
console.log("as described: small losses are gains");
JS
node try.cjs
