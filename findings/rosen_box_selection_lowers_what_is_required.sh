#!/usr/bin/env bash
# @rosen-bridge/abstract-box-selection (npm, Ergo, Cardano, Bitcoin): the caller's own list of required tokens is lowered by the selection.
#
# Guess: getCoveringBoxes(required, ...) chooses boxes that cover what is required and says what is left over for the change. What is
# required stays as it is, so that the caller makes the payment of it, or asks again with other boxes.
# Happens: amounts in required.tokens are counted down in place, for each box that holds only a part of a token. From two boxes of 60
# tokens for a payment of 100, the list says 40 afterwards, beside a right change of 20: outputs made of both lack 60 tokens, which in
# Ergo burns them without an error. If the boxes do not suffice, the next attempt asks for the rest only and calls it covered. The
# native coin, and tokens that one box covers, are left alone.
# Hurts: bridges and wallets with many small boxes: payments that are too small, or tokens that are lost. With one big box all is well.
# Way out: give it structuredClone(required).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts @rosen-bridge/abstract-box-selection@0.4.0 esbuild@0.25.0 >/dev/null
cat >try.mjs <<'JS'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { AbstractBoxSelection } from "@rosen-bridge/abstract-box-selection";

console.log("@rosen-bridge/abstract-box-selection",
    JSON.parse(readFileSync("node_modules/@rosen-bridge/abstract-box-selection/package.json")).version);
class Selection extends AbstractBoxSelection {
    getBoxInfo = (box) => ({ id: box.id, assets: { nativeToken: box.coins, tokens: [{ id: "token", value: box.tokens }] } });
}
const boxes = (...amounts) => amounts.map((tokens, i) => ({ id: `box ${i}`, coins: 1000n, tokens }));
const wish = (value) => ({ nativeToken: 500n, tokens: [{ id: "token", value }] });
const select = (required, list) => new Selection().getCoveringBoxes(required, [], new Map(), list.values());
const tokens = (assets) => assets.tokens.reduce((sum, token) => sum + token.value, 0n);

const account = async (title, amount, list, required, expected) => {
    const chosen = await select(required, list);
    assert.equal(chosen.covered, true);
    const given = chosen.boxes.reduce((sum, box) => sum + box.tokens, 0n);
    const change = tokens(chosen.additionalAssets.aggregated);
    const lost = given - tokens(required) - change;
    console.log(`${title}: ${given} in the boxes, ${change} of change, required ${tokens(required)} of ${amount}, not accounted for: ${lost}`);
    assert.deepEqual([change, tokens(required), lost], expected);
};
await account("one box of 120", 100n, boxes(120n), wish(100n), [20n, 100n, 0n]);
await account("two boxes of 60", 100n, boxes(60n, 60n), wish(100n), [20n, 40n, 60n]);
await account("four boxes of 30", 100n, boxes(30n, 30n, 30n, 30n), wish(100n), [20n, 10n, 90n]);
const required = wish(100n);
const copy = structuredClone(required);
const chosen = await select(copy, boxes(60n, 60n));
assert.equal(120n - tokens(required) - tokens(chosen.additionalAssets.aggregated), 0n);

// Too little at first, and a second attempt with the boxes of another address.
const again = wish(100n);
const first = await select(again, boxes(60n));
const second = await select(again, boxes(45n));
console.log(`100 wanted: 60 cover it: ${first.covered}; asked again, 45 cover it: ${second.covered}`);
assert.deepEqual([first.covered, second.covered], [false, true]);
console.log("as described: what is required is lowered");
JS
node_modules/.bin/esbuild try.mjs --bundle --platform=node --format=esm --outfile=bundle.mjs --log-level=error
node bundle.mjs
