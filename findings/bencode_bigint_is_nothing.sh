#!/usr/bin/env bash
# The npm package bencode writes a BigInt as nothing, and changes integers above 2^53 that it reads.
#
# Guess: BEP 3 has integers of any size, so a large one is read as a BigInt (or refused), and a BigInt is written as i…e.
# Happens: a BigInt becomes zero bytes without an error, so that a dictionary with one is no longer valid bencode; and
# i9007199254740993e is read as ...992 and written back so: another info hash, another signature.
# Hurts: extensions and mutable items (BEP 44 sequence numbers, byte counters, nanoseconds) of BitTorrent programs.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund bencode@4.0.1 >/dev/null
cat >finding.js <<'JS'
import assert from 'node:assert'
import { readFileSync } from 'node:fs'
import bencode from 'bencode'

const text = value => Buffer.from(value).toString()
console.log('bencode', JSON.parse(readFileSync('node_modules/bencode/package.json')).version)
const written = text(bencode.encode({ length: 5n, name: 'a' }))
console.log('{ length: 5n, name: "a" } is written as', written)
assert.equal(written, 'd6:length4:name1:ae')
const large = 'i9007199254740993e'
const again = text(bencode.encode(bencode.decode(Buffer.from(large))))
console.log(large, 'is read and written again as', again)
assert.equal(again, 'i9007199254740992e')
console.log('as described: digits and numbers are lost without an error')
JS
node finding.js
