#!/usr/bin/env bash
# bip39-mnemonic (npm, of the hyperswarm family): phrases of 15 and 21 words are invalid, and a passphrase with an umlaut opens
# another wallet.
#
# Guess: BIP 39 has phrases of 12, 15, 18, 21 and 24 words, and says that the passphrase is brought into the form NFKD first.
# Happens: the length is tested with `& 4` where the remainder of a division by 4 is meant: of 20 and 28 bytes the package says
# that they are no multiple of 4, and of each phrase of 15 or 21 words that it is invalid. The passphrase is taken as it was
# typed, so that "pässwörd" gives the seed of BIP 39 only if it was typed in its longest form, which keyboards do not do.
# Hurts: who restores a wallet: the valid phrase is refused, or the wallet that opens is empty and no error is shown. The other
# way round, money that was received with such a passphrase is found by no other program.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts bip39-mnemonic@2.5.0 @scure/bip39@2.0.1 >/dev/null
cat >finding.js <<'JS'
import assert from "assert";
import { readFileSync } from "fs";
import * as scure from "@scure/bip39";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import holepunch from "bip39-mnemonic";
const version = (name) => `${name} ${JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version}`;
console.log(`${version("bip39-mnemonic")}, beside ${version("@scure/bip39")}`);

for (const bytes of [16, 20, 24, 28, 32]) {
  const phrase = scure.entropyToMnemonic(new Uint8Array(bytes).fill(9), wordlist);
  const words = phrase.split(" ").length;
  const valid = holepunch.validateMnemonic(phrase);
  console.log(`${words} words: ${valid ? "valid" : "not valid"}`);
  assert.ok(scure.validateMnemonic(phrase, wordlist));
  assert.equal(valid, words !== 15 && words !== 21);
}

const phrase = scure.entropyToMnemonic(new Uint8Array(16).fill(9), wordlist);
const hex = (seed) => Buffer.from(seed).toString("hex").slice(0, 16);
const seeds = async (passphrase) => [
  hex(scure.mnemonicToSeedSync(phrase, passphrase)),
  hex(await holepunch.mnemonicToSeed(phrase, passphrase)),
];
const [plain, typed, longest] = [
  await seeds("password"),
  await seeds("pässwörd".normalize("NFC")),
  await seeds("pässwörd".normalize("NFKD")),
];
console.log("seeds with the passphrase password:", ...plain);
console.log("seeds with the passphrase pässwörd:", ...typed);
assert.equal(plain[0], plain[1]);
assert.notEqual(typed[0], typed[1]);
assert.deepEqual([longest[0], longest[1]], [typed[0], typed[0]]);
console.log("as described: the phrase is refused, or opens another wallet");
JS
node finding.js
