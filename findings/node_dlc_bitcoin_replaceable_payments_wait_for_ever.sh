#!/usr/bin/env bash
# @node-dlc/bitcoin (npm): a transaction that may be replaced is locked for ever, unless a lock time is set.
#
# Guess: TxBuilder without a lock time makes a transaction that can be mined at once, as other builders do by writing 0.
# Happens: it writes 4294967295, and says that this disables the lock time (isEnabled is false). It is the latest time there is, in
# 2106, and only inputs whose sequence is 4294967295 as well switch it off. With any other sequence, such as
# Sequence.rbf(), Sequence.locktime() or a relative delay, the transaction waits for a block whose time is later than the
# highest that a block's header can hold.
# Hurts: payments that ought to be replaceable, refunds and channels with relative delays: nodes refuse them as "non-final", and who
# only stores the signed refund for later finds out when it is needed. With default inputs nothing shows.
# Way out: builder.locktime = LockTime.zero().
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund @node-dlc/bitcoin@1.1.7 bitcoinjs-lib@6.1.7 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const { LockTime, Script, Sequence, TxBuilder, Value } = require("@node-dlc/bitcoin");
const { Psbt, Transaction } = require("bitcoinjs-lib");
console.log("@node-dlc/bitcoin", require("./node_modules/@node-dlc/bitcoin/package.json").version);

// The rule of consensus, for a block of the height and the time.
function isFinal({ locktime, ins }, height, time) {
  if (locktime === 0 || locktime < (locktime < 500000000 ? height : time)) return true;
  return ins.every(({ sequence }) => sequence === 0xffffffff);
}
function built(sequence, locktime) {
  const builder = new TxBuilder();
  if (locktime) builder.locktime = locktime;
  builder.addInput(`${"aa".repeat(32)}:0`, sequence);
  builder.addOutput(Value.fromSats(1000), Script.p2wpkhLock(Buffer.alloc(20, 1)));
  console.log(`sequence ${sequence}: lock time ${builder.locktime}, isEnabled ${builder.locktime.isEnabled}`);
  return Transaction.fromBuffer(builder.serialize());
}

assert.equal(new Psbt().locktime, 0);
const last = [0xffffffff, 0xffffffff]; // the highest height and time of a header
const usual = built(Sequence.default());
assert.equal(usual.locktime, 0xffffffff);
assert.ok(isFinal(usual, 900000, 1780000000));
for (const sequence of [Sequence.rbf(), Sequence.locktime(), Sequence.blockDelay(144)]) {
  const transaction = built(sequence);
  assert.equal(transaction.locktime, 0xffffffff);
  assert.ok(!isFinal(transaction, 900000, 1780000000));
  assert.ok(!isFinal(transaction, ...last));
}
assert.ok(isFinal(built(Sequence.rbf(), LockTime.zero()), 900000, 1780000000));
console.log("as described: final in no block");
JS
node finding.js
