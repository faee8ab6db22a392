#!/usr/bin/env bash
# borsh for JavaScript, which NEAR made with the format, writes maps and sets in the order of insertion.
#
# Guess: Borsh stands for "binary object representation serializer for hashing": one value has one sequence of bytes, whichever
# program writes it. The specification sorts the keys of maps and the elements of sets, as the crate and the Python
# package borsh-construct do.
# Happens: the npm package borsh sorts neither. Two equal maps have different bytes and so different hashes. What is out of
# order is refused by the crate with its feature de_strict_order, and hashes to something else after reading and writing
# without it. The package reads any order itself, so its own round trips succeed.
# Hurts: whoever signs or hashes a structure with a map in JavaScript for a node in Rust: it works for one key, and for those
# who happen to insert in order.
# Way out: build the Map from sorted entries.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund borsh@2.0.0 >/dev/null
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check borsh-construct==0.1.0
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"
[dependencies]
borsh = { version = "=1.5.7", default-features = false, features = ["std", "de_strict_order"] }
[workspace]
TOML
cat >src/main.rs <<'RUST'
use std::collections::HashMap;
fn main() {
    let balances = HashMap::from([("bob".to_string(), 1u8), ("alice".to_string(), 2)]);
    println!("{}", hex(&borsh::to_vec(&balances).unwrap()));
    for text in std::env::args().skip(1) {
        let bytes: Vec<u8> =
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect();
        let read = borsh::from_slice::<HashMap<String, u8>>(&bytes);
        println!("{}", read.map_or_else(|error| error.to_string(), |_| "read".into()));
    }
}
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
RUST
cat >finding.js <<'JS'
const { serialize } = require("borsh");
const hex = (schema, value) => Buffer.from(serialize(schema, value)).toString("hex");
const balances = { map: { key: "string", value: "u8" } };
console.log(hex(balances, new Map([["bob", 1], ["alice", 2]])));
console.log(hex(balances, new Map([["alice", 2], ["bob", 1]])));
console.log(hex({ set: "u8" }, new Set([3, 1, 2])));
JS
node finding.js >js
env/bin/python - >python <<'PYTHON'
from borsh_construct import HashMap, HashSet, String, U8
print(HashMap(String, U8).build({"bob": 1, "alice": 2}).hex())
print(HashSet(U8).build({3, 1, 2}).hex())
PYTHON
{ read -r js_bob_first; read -r js_alice_first; read -r js_set; } <js
{ read -r python_map; read -r python_set; } <python
cargo run --quiet -- "$js_bob_first" "$js_alice_first" >rust
{ read -r rust_map; read -r bob_first_in_rust; read -r alice_first_in_rust; } <rust
node -p '"borsh (npm) " + JSON.parse(fs.readFileSync("node_modules/borsh/package.json")).version'
echo "borsh (crate) 1.5.7, borsh-construct 0.1.0"
echo "{bob: 1, alice: 2} in the crate    $rust_map"
echo "                   in Python       $python_map"
echo "                   in JavaScript   $js_bob_first, in the crate: $bob_first_in_rust"
echo "{alice: 2, bob: 1} in JavaScript   $js_alice_first, in the crate: $alice_first_in_rust"
echo "{3, 1, 2}          in Python       $python_set"
echo "                   in JavaScript   $js_set"
[ "$rust_map" = "$python_map" ] && [ "$js_alice_first" = "$rust_map" ]
[ "$js_bob_first" != "$rust_map" ]
[ "$alice_first_in_rust" = read ] && [ "$bob_first_in_rust" != read ]
[ "$python_set" = 03000000010203 ] && [ "$js_set" = 03000000030102 ]
echo "as described: equal maps, different bytes"
