#!/usr/bin/env bash
# nanolib (Python): once it is imported, a third of a decimal is an error, and in other threads its own amounts are rounded.
#
# Guess: the package converts NANO amounts, of up to 39 digits, exactly. Its page says that it raises the precision of decimals when
# it is imported; for other code that means some more digits.
# Happens: it also tells the importing thread to raise an error for each inexact result: Decimal(1) / 3, a percentage, a mean and
# round() of other parts of the program raise decimal.Inexact from the import on. And both settings hold for that thread alone:
# in each other one, such as a server's, decimals have 28 digits, nothing is raised, and convert() rounds the amounts
# that it is made for: of 123456789.012345678901234567890123456789 NANO the last eleven digits become 0. nano-lib-py, a fork
# which is still kept up, does the same.
# Hurts: programs in which a wallet is one part: prices, fees and statistics fail or not, by the thread and by what was imported
# first; balances that are compared in another thread are not equal.
# Way out: amounts as integers of raw; decimal.localcontext() around one's own arithmetic, and around convert().
# (Needs a C compiler.)
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check nanolib==0.4.3 nano-lib-py==0.5.4 2>/dev/null
cat >finding.py <<'PYTHON'
import decimal
import importlib
import importlib.metadata
import statistics
import sys
import threading
from decimal import Decimal

module, package = sys.argv[1:]
print(package, importlib.metadata.version(package))
arithmetic = {
    "a third": lambda: Decimal(1) / 3,
    "2.5 % of 9.99, in cents": lambda: (Decimal("9.99") * Decimal("0.025")).quantize(Decimal("0.01")),
    "the mean of 1, 2 and 2": lambda: statistics.mean([Decimal(1), Decimal(2), Decimal(2)]),
    "2.345 rounded": lambda: round(Decimal("2.345"), 2),
}


def attempt(function):
    try:
        return str(function())
    except decimal.Inexact:
        return "raises Inexact"


def elsewhere(function):
    results = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join()
    return results[0]


before = {name: attempt(function) for name, function in arithmetic.items()}
nano = importlib.import_module(module)
for name, function in arithmetic.items():
    after, other = attempt(function), elsewhere(lambda: attempt(function))
    print(f"{name}: {before[name]}; after the import: {after}; in another thread: {other}")
    assert after == "raises Inexact" and other == before[name]

amount = Decimal("123456789.012345678901234567890123456789")
raw = 123456789012345678901234567890123456789
convert = lambda: int(nano.convert(amount, nano.NanoDenomination.MEGANANO, nano.NanoDenomination.RAW))
here, there = convert(), elsewhere(convert)
print(f"{amount} NANO in raw: {here}; in another thread: {there}")
assert here == raw and there == 123456789012345678901234567900000000000
print("as described: the thread decides")
PYTHON
env/bin/python finding.py nanolib nanolib
env/bin/python finding.py nano_lib_py nano-lib-py
