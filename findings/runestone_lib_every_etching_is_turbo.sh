#!/usr/bin/env bash
# @magiceden-oss/runestone-lib (npm): each etching is read as turbo, whether its flag is set or not.
#
# Guess: tryDecodeRunestone gives back what encodeRunestone was given: "turbo" is one of the three flags of an etching (bit 2), with which
# its author opts in to later changes of the protocol. It cannot be taken back, and wallets and indexers show it.
# Happens: the reader takes bit 0, which says that there is an etching at all, for turbo. Whatever is decoded has turbo: true; the bytes
# that are written are right. Decoding and encoding again sets the flag for good: the bytes are others, and so is what the
# etching agrees to. The other fields come through.
# Hurts: indexes built with it: all runes are shown as turbo; services that decode a draft, change its premine and encode it again, etch
# what their customer did not ask for.
# Way out: read field 2 (flags) oneself, bit 2; ord's own decoder.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts @magiceden-oss/runestone-lib@1.0.2 >/dev/null 2>&1
cat >try.cjs <<'JS'
const assert = require("node:assert");
const { readFileSync } = require("node:fs");
const { encodeRunestone, tryDecodeRunestone } = require("@magiceden-oss/runestone-lib");

console.log("@magiceden-oss/runestone-lib", JSON.parse(readFileSync("node_modules/@magiceden-oss/runestone-lib/package.json")).version);
// OP_RETURN, OP_13, a push; then the first field: tag 2, flags.
const flags = (script) => (assert.deepEqual([...script.subarray(0, 2), script[3]], [0x6a, 0x5d, 2]), script[4]);
const decode = (script) => tryDecodeRunestone({ vin: [], vout: [{ value: 0, scriptPubKey: { hex: script.toString("hex") } }] });
for (const terms of [undefined, { amount: 5n, cap: 10n }]) {
    for (const turbo of [false, true, undefined]) {
        const etching = { runeName: "TEA•FOR•TWO", divisibility: 2, premine: 1000n, symbol: "T", ...(terms && { terms }), ...(turbo !== undefined && { turbo }) };
        const script = encodeRunestone({ etching }).encodedRunestone;
        const read = decode(script);
        const again = encodeRunestone(read).encodedRunestone;
        console.log(`turbo ${turbo}, terms ${!!terms}: flags ${flags(script)}, read as turbo ${read.etching.turbo}, written again: flags ${flags(again)}`);
        assert.equal(flags(script), 1 + (terms ? 2 : 0) + (turbo ? 4 : 0));
        assert.deepEqual({ ...read.etching, turbo }, { ...etching, turbo });
        assert.equal(read.etching.turbo, true);
        assert.equal(flags(again), flags(script) | 4);
    }
}
console.log("as described: all are turbo");
JS
node try.cjs
