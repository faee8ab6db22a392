#!/usr/bin/env bash
# bitcoinlib takes "1 uBTC" for a whole bitcoin, a million times as much.
#
# Guess: amounts may be texts with a unit, in its Value class as in outputs of transactions: "1 mBTC" is 100,000 satoshi.
# "uBTC" is the usual way to write a microbitcoin in ASCII, so it is 100 satoshi, or an error if only "µBTC" is known. Names
# of currencies may be in any case ("1 btc"), and a wrong one raises "Currency symbol not recognised" ("1 mXYZ").
# Happens: a unit whose first letters are no known prefix is ignored, and the number counts as bitcoins: "1 uBTC", "1 bits",
# "1 SAT" and "1 XYZ" are each 100,000,000 satoshi.
# Hurts: wallets and scripts that pass on what a user or a settings file says: "250 uBTC" pays 250 bitcoins if they are there.
# Way out: pass integers of satoshi.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check bitcoinlib==0.7.10
# It keeps settings in the home folder, and asks for a UTF-8 locale.
HOME=$dir LC_ALL=C.UTF-8 env/bin/python - <<'PYTHON'
import importlib.metadata
from bitcoinlib.transactions import Output
from bitcoinlib.values import Value

print("bitcoinlib", importlib.metadata.version("bitcoinlib"))
expected = {
    "1 BTC": 100_000_000, "1 btc": 100_000_000, "1 mBTC": 100_000, "1 \u00b5BTC": 100, "1 sat": 1, "1 mXYZ": ValueError,
    "1 uBTC": 100_000_000, "1 bits": 100_000_000, "1 SAT": 100_000_000, "1 XYZ": 100_000_000,
}
failed = False
for text, wanted in expected.items():
    try:
        got = Value(text).value_sat
    except ValueError as error:
        got = type(error)
        print(f"{text!r}: {error}")
    else:
        print(f"{text!r}: {got} satoshi")
    failed |= got != wanted
output = Output("250 uBTC", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4")
print("an output of '250 uBTC':", output.value, "satoshi")
failed |= output.value != 250 * 100_000_000
assert not failed
print("as described: a unit that it does not know counts as bitcoin")
PYTHON
