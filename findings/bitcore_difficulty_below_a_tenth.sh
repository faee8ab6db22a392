#!/usr/bin/env bash
# bitcore-lib shows block difficulties below a tenth up to ten million times too high.
#
# Guess: getDifficulty() of a header is the target of difficulty 1 divided by the header's target, and falls with it: 1 for
# the first block of Bitcoin, 0.0011 for the first block of signet, 0.0000000005 for regtest.
# Happens: the quotient is computed as digits with eight decimals, and the point is set by cutting the string eight places
# from its end. With fewer than eight digits the cut counts from the wrong side: 0.0625 becomes 624991, 0.0011265 becomes
# 1126.51, 0.0000153 becomes 0.1525, and regtest's is 0. From a tenth upwards it is right.
# Hurts: explorers and mining statistics of test networks, and of young ledgers with compact targets like Bitcoin's. A
# chain that becomes a little easier seems to become a million times harder.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund bitcore-lib@11.5.1 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const { BlockHeader } = require("bitcore-lib");
console.log("bitcore-lib", require("bitcore-lib/package.json").version);

// The first block of signet, whose proof of work the library itself accepts.
const signet = {
  version: 1,
  prevHash: Buffer.alloc(32),
  merkleRoot: Buffer.from("4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b", "hex").reverse(),
  time: 1598918400,
  bits: 0x1e0377ae,
  nonce: 52613770,
};
const header = new BlockHeader(signet);
assert.strictEqual(header.id, "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6");
assert(header.validProofOfWork());

const shown = [0x1d00ffff, 0x1d07ffff, 0x1d0fffff, 0x1d13ffff, 0x1e0377ae, 0x1f00ffff, 0x207fffff].map((bits) => {
  const difficulty = new BlockHeader({ ...signet, bits }).getDifficulty();
  const exact = (0xffff / (bits & 0xffffff)) * 256 ** (0x1d - (bits >>> 24));
  console.log(`bits ${bits.toString(16)}: difficulty ${difficulty}, by definition ${exact}`);
  return difficulty;
});
assert.deepStrictEqual(shown, [1, 0.12499833, 624991, 499992.7, 1126.51, 0.1525, 0]);
console.log("as described: below a tenth, the point is at the wrong place");
JS
node finding.js
