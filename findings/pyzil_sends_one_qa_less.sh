#!/usr/bin/env bash
# pyzil and arweave-python-client (Python): 8.03 coins are sent as 8.029999999999.
#
# Guess: Zil("8.03") and Transaction(quantity="8.03") are given as text, and what is signed is that many smallest units: ZIL and AR
# have 12 decimals, and both packages print 8.03 again.
# Happens: the text becomes a floating point number, is multiplied by 10^12, and the rest is cut off, not rounded. Of the amounts from
# 0.001 to 99.999 with three decimals one in 35 is a unit short. Zil("8.03") == Qa(8030000000000) is False. Balances are read as
# floating point numbers too: of 123456789.012345678901 ZIL the last six digits are others, so all of it cannot be sent.
# Hurts: payments to contracts and services that wait for just that amount: they do not count, or are sent back; invoices that stay open
# for want of one unit. Whether it happens depends on the amount.
# Way out: Qa(int(Decimal(text) * 10**12)); pyarweave for AR.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check arweave-python-client==1.0.19
env/bin/pip install -q --disable-pip-version-check --no-deps pyzil==1.5.22 2>/dev/null # its units need nothing else
cat >try.py <<'PYTHON'
import importlib.metadata
from decimal import Decimal

from arweave.utils import ar_to_winston, winston_to_ar
from pyzil.zilliqa.units import Qa, Zil

for name in ("pyzil", "arweave-python-client"):
    print(name, importlib.metadata.version(name))
for text in ("8.03", "1.001", "1.5"):
    right = int(Decimal(text) * 10**12)
    print(f"{text}: {int(Zil(text).toQa())} Qa, {ar_to_winston(text)} winston, right {right}; shown as {Zil(text)}")
    assert int(Zil(text).toQa()) == int(ar_to_winston(text)) == (right if text == "1.5" else right - 1)
    assert str(Zil(text)) == text and winston_to_ar(str(right)) == float(text)
assert (Zil("8.03") == Qa(8030000000000)) is False
short = [n for n in range(1, 100_000) if int(Zil(f"{n / 1000:.3f}").toQa()) != n * 10**9]
assert short == [n for n in range(1, 100_000) if int(ar_to_winston(f"{n / 1000:.3f}")) != n * 10**9]
print(len(short), "of 99999 amounts with three decimals are short")
assert len(short) == 2842
balance = Qa(123456789012345678901)
print("a balance of", repr(balance), "is", balance.toZil(), "ZIL, or", int(balance.toZil().toQa()), "Qa")
assert int(balance.toZil().toQa()) == 123456789012345667584
print("as described: a unit less")
PYTHON
env/bin/python try.py
