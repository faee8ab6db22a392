#!/usr/bin/env bash
# coinselectpy (Python) adds the change to the caller's list of payments: a second attempt pays it again.
#
# Guess: it is "a Python version" of the npm package coinselect, which leaves its arguments alone. An estimate at one fee rate
# and another one at the next rate give the same payments and one change each.
# Happens: the change is appended to the list that was passed in, as one more payment without an address. With the same list
# the second call must fund the first change too: two inputs instead of one, two outputs that belong to nobody. Each call also
# prints all coins of the wallet to standard output.
# Hurts: wallets that show fees for slow and fast, or raise the fee of a payment that waits: they spend more coins, pay more,
# and tell the user another total. A single call in a test is right.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check coinselectpy==0.1.4
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund coinselect@3.1.13 >/dev/null
cat >original.js <<'JS'
const coinSelect = require("coinselect");
const coins = [100000, 100000, 100000].map((value) => ({ value }));
const payments = [{ address: "shop", value: 50000 }];
const results = [1, 2].map((rate) => coinSelect(coins, payments, rate));
console.log(JSON.stringify([results.map((result) => [result.inputs.length, result.outputs.length]), payments.length]));
JS
node original.js >original.json
env/bin/python - <<'PYTHON'
import contextlib
import importlib.metadata
import io
import json
from coinselectpy import coinSelect

print("coinselectpy", importlib.metadata.version("coinselectpy"))

def select(payments, rate):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        result = coinSelect([{"value": 100000} for _ in range(3)], payments, rate)
    assert printed.getvalue().count("100000") == 3
    return result

def counts(result):
    return [len(result["inputs"]), len(result["outputs"])]

payments = [{"address": "shop", "value": 50000}]
first = counts(select(payments, 1))
print("a payment of 50000, of coins of 100000 each, at 1 per byte: [inputs, outputs] =", first)
print("the list of payments is now", payments)
assert first == [1, 2] and payments == [{"address": "shop", "value": 50000}, {"value": 49774}]

second = select(payments, 2)
fresh = select([{"address": "shop", "value": 50000}], 2)
print(f"again at 2 per byte: {counts(second)}, fee {second['fee']}; with a new list: {counts(fresh)}, fee {fresh['fee']}")
assert counts(second) == [2, 3] and counts(fresh) == [1, 2] and second["fee"] > fresh["fee"]

original = json.load(open("original.json"))
print("the npm package, twice with one list:", original[0])
assert original == [[[1, 2], [1, 2]], 1]
print("as described: the change became a payment")
PYTHON
