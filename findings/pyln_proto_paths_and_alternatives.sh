#!/usr/bin/env bash
# pyln-proto (Python, Core Lightning's): of alternative paths to a payee one is kept; a path of two hops is written as two alternatives.
#
# Guess: BOLT 11 knows several "r" fields, each with a private path to the payee, of one or more hops. Invoice.decode() gives them all in
# route_hints, and encode() writes what decode() read.
# Happens: each further field replaces the one before: two alternatives become one, without a word. encode() writes each hop of a
# path as a field of its own: two hops, first to last, become two ways of one hop, and the first claims a channel to the
# payee that its node does not have. The payment secret ("s"), the features ("9") and the last hop's delay ("c"), which decode()
# has read, are not written at all.
# Hurts: payers find no way to an invoice whose last path is down, though another works; whoever rewrites an invoice with a new
# description, or a test's server that makes one, gives out paths that cannot be paid and a secret that is missing.
# Way out: read the "r" fields with another library, npm's bolt11 or light-bolt11-decoder.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check pyln-proto==26.6.9 bitstring==4.3.1 coincurve-cp314-fix==22.0.1 base58==2.1.1
npm install --silent --no-audit --no-fund --ignore-scripts bolt11@1.4.1 >/dev/null
cat >make.cjs <<'JS'
const bolt11 = require("bolt11");
const key = "11".repeat(32); // of nobody
const node = (sign) => sign + "9e03a901b85534ff1e92c43c74431f7ce72046060fcf7a95c37e148f78c77255";
const hop = (pubkey, n) => ({ pubkey, short_channel_id: `00000${n}00000${n}000${n}`, fee_base_msat: n, fee_proportional_millionths: 20, cltv_expiry_delta: 3 });
const [first, second] = [hop(node("02"), 1), hop(node("03"), 2)];
const make = (paths) => bolt11.sign(bolt11.encode({
    network: { bech32: "bc", pubKeyHash: 0, scriptHash: 5, validWitnessVersions: [0, 1] }, satoshis: 2000, timestamp: 1700000000,
    tags: [{ tagName: "payment_hash", data: "22".repeat(32) }, { tagName: "payment_secret", data: "33".repeat(32) },
        { tagName: "description", data: "tea" }, { tagName: "min_final_cltv_expiry", data: 144 },
        ...paths.map((path) => ({ tagName: "routing_info", data: path }))],
}), key).paymentRequest;
console.log(JSON.stringify({ alternatives: make([[first], [second]]), path: make([[first, second]]) }));
JS
cat >show.cjs <<'JS'
const bolt11 = require("bolt11");
const out = {};
for (const [name, text] of Object.entries(JSON.parse(require("fs").readFileSync(process.argv[2])))) {
    const { tags } = bolt11.decode(text);
    out[name] = { paths: tags.filter((t) => t.tagName === "routing_info").map((t) => t.data.map((hop) => hop.fee_base_msat)),
        others: tags.map((t) => t.tagName).filter((t) => ["payment_secret", "feature_bits", "min_final_cltv_expiry"].includes(t)) };
}
console.log(JSON.stringify(out));
JS
node make.cjs >before.json
node show.cjs before.json >before.txt
cat >try.py <<'PYTHON'
import importlib.metadata
import json

from pyln.proto import Invoice

print("pyln-proto", importlib.metadata.version("pyln-proto"))
again = {}
for name, text in json.load(open("before.json")).items():
    invoice = Invoice.decode(text)
    hops = [hint.fee_base_msat for hint in invoice.route_hints.route_hints]
    print(f"{name}: hops read, by their fee: {hops}, delay of the last hop {invoice.min_final_cltv_expiry}")
    assert hops == ([2] if name == "alternatives" else [1, 2])
    assert invoice.min_final_cltv_expiry == 144 and {"s", "9"} <= {tag[0] for tag in invoice.unknown_tags}
    again[name] = invoice.encode("11" * 32)
json.dump(again, open("after.json", "w"))
PYTHON
env/bin/python try.py
node show.cjs after.json >after.txt
echo "before, as bolt11 (npm) reads it: $(cat before.txt)"
echo "written again:                    $(cat after.txt)"
python3 - <<'PYTHON'
import json

before, after = (json.load(open(name)) for name in ("before.txt", "after.txt"))
assert before["alternatives"]["paths"] == [[1], [2]] and before["path"]["paths"] == [[1, 2]]
assert after["alternatives"]["paths"] == [[2]] and after["path"]["paths"] == [[1], [2]]
assert all({"payment_secret", "feature_bits", "min_final_cltv_expiry"} == set(each["others"]) for each in before.values())
assert all(each["others"] == [] for each in after.values())
print("as described: one alternative, and a path in pieces")
PYTHON
