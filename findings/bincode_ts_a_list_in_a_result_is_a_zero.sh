#!/usr/bin/env bash
# bincode-ts (npm): a list within a Result is written as one byte 0, and most values of i32 are refused.
#
# Guess: the bytes of Rust's bincode: Ok of a list, given as its page shows it (`$('Ok', [value])`), is the number of the variant and
# the list. An i32 may be anything from -2,147,483,648 to 2,147,483,647, as the page says, and a u64 is a BigInt.
# Happens: a tuple of one element is written as if the array around it were the element. A text survives that, since an array of one
# text turns into the text; the bytes [1, 2, 3] are a list of one byte, 0, and a list of u32 or a struct raises an error.
# Of an i32, numbers from 2^30 on and below -2^30 become "cannot be negative": half of all values, but not
# the smallest one. A u64 or i64 that fits into 32 bits comes back as a number, so that `value + 1n` raises.
# Nor does the package load in Node: it is an ES module whose imports have no extensions; a bundler reads it.
# Hurts: programs in TypeScript that talk to a service in Rust. What they send reads well on the other side: an empty-looking answer.
# Times and small amounts work, until a sum passes 1,073,741,823.
# Way out: give the list itself to a Result, without the array; i64 with BigInt for i32.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund bincode-ts@1.0.0 esbuild@0.28.2 >/dev/null
cat >finding.mjs <<'JS'
import assert from "assert";
import { $, Collection, Result, String, Struct, decode, encode, i32, u32, u64, u8 } from "bincode-ts";

function written(type, value) {
  const buffer = new ArrayBuffer(64);
  try {
    const bytes = buffer.slice(0, encode(type, value, buffer));
    return { hex: Buffer.from(bytes).toString("hex"), read: decode(type, bytes).value };
  } catch (error) {
    return { error: error.message };
  }
}
const show = (name, { hex, error }) => console.log(`${name}: ${hex ?? error}`);

const text = written(Result(String, u32), $("Ok", ["abc"]));
const bytes = written(Result(Collection(u8), u32), $("Ok", [[1, 2, 3]]));
const numbers = written(Result(Collection(u32), u32), $("Ok", [[1, 2, 3]]));
const struct = written(Result(Struct({ height: u32 }), u32), $("Ok", [{ height: 7 }]));
const bare = written(Result(Collection(u8), u32), $("Ok", [1, 2, 3]));
show("Ok of a text", text);
show("Ok of the bytes 1, 2, 3", bytes);
show("Ok of the numbers 1, 2, 3", numbers);
show("Ok of a struct", struct);
show("Ok of bytes without the array", bare);
assert.equal(text.hex, "0003616263");
assert.equal(bytes.hex, "000100");
assert.ok(numbers.error && struct.error);
assert.equal(bare.hex, "0003010203");

const values = [2 ** 30 - 1, 2 ** 30, 2 ** 31 - 1, -(2 ** 30), -(2 ** 30) - 1, -(2 ** 31)];
const results = values.map(value => written(i32, value));
values.forEach((value, place) => show(`i32 ${value}`, results[place]));
assert.deepEqual(results.map(({ error }) => error ? "refused" : "written"),
  ["written", "refused", "refused", "written", "refused", "written"]);
const types = [5n, 2n ** 40n].map(value => typeof written(u64, value).read);
console.log("a u64 of 5 and of 2^40 are read as", types);
assert.deepEqual(types, ["number", "bigint"]);
console.log("as described: one zero, and half of the numbers");
JS
echo "bincode-ts $(node -p 'require("./node_modules/bincode-ts/package.json").version')"
for way in 'import("bincode-ts").catch(() => process.exit(3))' 'try { require("bincode-ts") } catch { process.exit(3) }'; do
    status=0
    node -e "$way" || status=$?
    test "$status" = 3 || { echo "it loads"; exit 1; }
done
npx esbuild finding.mjs --bundle --platform=node --format=cjs --outfile=bundle.cjs --log-level=error
node bundle.cjs
