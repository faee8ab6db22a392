#!/usr/bin/env bash
# psbt (npm): combining partially signed transactions keeps the signatures of all, and scripts, coins and key paths of the first.
#
# Guess: combinePsbts() is the Combiner of BIP 174: the result has each key and value that any of the parts has, in whatever order
# they are given. That is how parts come together that were filled in at different places.
# Happens: signatures and fields that the package does not know are collected; all else is taken from the first part. If that is
# the one that was sent out, and the others had the witness script and the key paths added, these are gone. The signatures are
# there, and the result cannot be finalized ("UnexpectedDuplicateInputKey", which names something else). If the first one has
# nothing about its coins yet, a TypeError is raised. With the fullest part in front it is right. @scure/btc-signer is
# right each time.
# Hurts: signing at several places, where the one who sent the empty form out combines what comes back, with the own copy first:
# all have signed, nothing can be sent, and hardware wallets that are asked once more no longer find their keys in it.
# Way out: the part with the most in front, or the own copy left out.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund psbt@6.0.4 @scure/btc-signer@2.4.1 ecpair@2.1.0 tiny-secp256k1@2.2.4 >/dev/null
cat >finding.js <<'JS'
import assert from "assert";
import { readFileSync } from "fs";
import { ECPairFactory } from "ecpair";
import psbt from "psbt";
import { p2ms, p2wpkh, p2wsh, PSBTCombine, Transaction } from "@scure/btc-signer";
import { pubECDSA } from "@scure/btc-signer/utils.js";
import * as curve from "tiny-secp256k1";
const ecp = ECPairFactory(curve);
for (const name of ["psbt", "@scure/btc-signer"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version);
}

// A coin that two keys must sign for.
const keys = [7, 9].map(number => new Uint8Array(32).fill(number));
const [first, second] = keys.map(key => pubECDSA(key));
const shared = p2wsh(p2ms(2, [first, second]));
const coin = { witnessUtxo: { script: shared.script, amount: 100000n } };
const script = { witnessScript: shared.witnessScript };
const paths = { bip32Derivation: [[first, { fingerprint: 1, path: [1, 2] }]] };
function part(input, key) {
  const transaction = new Transaction();
  transaction.addInput({ txid: "11".repeat(32), index: 0, ...input });
  transaction.addOutput({ script: p2wpkh(first).script, amount: 99000n });
  if (key) transaction.sign(key);
  return transaction.toPSBT();
}
const sent_out = part(coin);
const filled_in = part({ ...coin, ...script, ...paths });
const signed = keys.map(key => part({ ...coin, ...script, ...paths }, key));

const hex = bytes => Buffer.from(bytes).toString("hex");
// Without the type of hash, which psbt writes beside each signature.
const fields = text => Object.keys(psbt.decodePsbt({ ecp, psbt: text }).inputs[0])
  .filter(field => field !== "sighash_type").sort().join(", ");
const here = parts => psbt.combinePsbts({ ecp, psbts: parts.map(hex) }).psbt;
const there = parts => hex(PSBTCombine(parts));
const finalize = text => {
  try {
    return psbt.extractTransaction({ ecp, psbt: psbt.finalizePsbt({ ecp, psbt: text }).psbt }).transaction;
  } catch (error) {
    return error.message;
  }
};

const unsigned = "bip32_derivations, witness_script, witness_utxo";
const all = "bip32_derivations, partial_sig, witness_script, witness_utxo";
for (const [name, parts, expected, right] of [
  ["sent out + filled in", [sent_out, filled_in], "witness_utxo", unsigned],
  ["filled in + sent out", [filled_in, sent_out], unsigned, unsigned],
  ["signed + signed", signed, all, all],
  ["sent out + signed + signed", [sent_out, ...signed], "partial_sig, witness_utxo", all],
]) {
  console.log(`${name}: psbt has ${fields(here(parts))}`);
  assert.equal(fields(here(parts)), expected);
  assert.equal(fields(there(parts)), right);
}
assert.throws(() => here([part({}), filled_in]), TypeError);

const right = Transaction.fromPSBT(PSBTCombine([sent_out, ...signed]));
right.finalize();
assert.equal(finalize(here(signed)), right.hex);
const outcome = finalize(here([sent_out, ...signed]));
console.log("finalized with the copy that was sent out in front:", outcome);
assert.equal(outcome, "UnexpectedDuplicateInputKey");
console.log("as described: of the others only signatures are kept");
JS
node finding.js
