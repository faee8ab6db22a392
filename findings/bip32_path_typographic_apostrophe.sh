#!/usr/bin/env bash
# bip32-path (npm): the path m/44’/0’/0’, copied from a document, is valid and means other keys than m/44'/0'/0'.
#
# Guess: "validateString returns true if the input is a valid path string". A level is digits with ' or h behind them, and
# anything else is refused: a wrong path is a wrong wallet.
# Happens: in each level the first digits are looked for, and one sign behind them; what stands around them is ignored. The
# apostrophe that word processors and web pages set (U+2019), and the sign for minutes (U+2032), are such signs:
# the level is not hardened, and the address belongs to another key. "-1" is 1, "0x2c" and "0,5" are 0, "1e3" is 1. All of
# these are valid for validateString(). The package bip32 refuses each of them.
# Hurts: wallets and signers that take a path from a settings file, a form or a help page: the funds are looked for, or received,
# at a place where no other wallet looks, and levels that should be hardened are not.
# Way out: compare toString() with the text, without "m/" and with one of the two signs.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund bip32-path@0.4.2 bip32@4.0.0 tiny-secp256k1@2.2.3 >/dev/null
cat >finding.js <<'JS'
const assert = require("assert");
const path = require("bip32-path");
const { BIP32Factory } = require("bip32");
for (const name of ["bip32-path", "bip32"]) {
  console.log(name, JSON.parse(require("fs").readFileSync(`node_modules/${name}/package.json`)).version);
}
const root = BIP32Factory(require("tiny-secp256k1")).fromSeed(Buffer.from("000102030405060708090a0b0c0d0e0f", "hex"));
const key = (levels) => levels.reduce((node, level) => node.derive(level), root).publicKey;
const hex = (levels) => Buffer.from(key(levels)).toString("hex").slice(0, 16);

const cases = {
  "m/44'/0'/0'": "m/44'/0'/0'",
  "m/44h/0h/0h": "m/44'/0'/0'",
  "m/44\u2019/0\u2019/0\u2019": "m/44/0/0",
  "m/44\u2032/0\u2032/0\u2032": "m/44/0/0",
  "m/44 '/0 '": "m/44/0",
  "m/-1/0x2c/1e3/0,5": "m/1/0/1/0",
};
for (const [text, meaning] of Object.entries(cases)) {
  const levels = path.fromString(text).toPathArray();
  let other;
  try {
    other = Buffer.from(root.derivePath(text.replaceAll("h", "'")).publicKey).toString("hex").slice(0, 16);
  } catch (error) {
    other = `${error.name}`;
  }
  console.log(`${text}: valid ${path.validateString(text, true)}, means ${path.fromString(text)}, key ${hex(levels)}; bip32: ${other}`);
  assert(path.validateString(text, true));
  assert.strictEqual(path.fromString(text).toString(), meaning);
  assert.strictEqual(other === hex(levels), /^m(\/[0-9]+['h])+$/.test(text));
  assert(other === hex(levels) || /Error/.test(other));
}
assert(!path.validateString("m/44'/x", true));
assert.notStrictEqual(hex([44, 0, 0]), hex([44, 0, 0].map((level) => level + 2 ** 31)));
console.log("as described: what the reader does not know it ignores");
JS
node finding.js
