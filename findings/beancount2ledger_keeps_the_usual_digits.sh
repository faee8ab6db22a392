#!/usr/bin/env bash
# beancount2ledger (Python): amounts lose the digits that most amounts of the currency do not have, and padding is half written.
#
# Guess: a Beancount file is converted to the formats of Ledger and hledger: the same accounts, the same amounts, the same balances.
# Happens: each amount is written with the number of digits that is the most usual one for its currency in this file. In a file with three
# amounts like 0.50 BTC, a payment of 0.12345678 BTC becomes 0.12 and a fee of 0.00001234 BTC becomes 0.00; nothing is said, each
# transaction balances, and the wallet has 0.28 where Beancount has 0.27653088. With two such amounts less in the file all digits
# are there. And of the two postings that Beancount makes for "pad" the second one is left out, since postings without a line number
# are taken for one: a transaction with a single posting, which Ledger and hledger refuse.
# Hurts: ledgers with coins, shares and exchange rates, that have two digits on most days. balance assertions are not carried over, so
# that nothing finds it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m pip --version >/dev/null 2>&1 || { python3 -m venv env && PATH=$dir/env/bin:$PATH; }
install() { python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --no-compile --target "$@"; }
install lib beancount2ledger==1.3 beancount==2.3.6 PyYAML==6.0.2 python-dateutil==2.9.0.post0 six==1.17.0 ply==3.11 setuptools==65.5.0
PYTHONPATH=lib python3 -W ignore - <<'PYTHON'
import importlib.metadata
import re
from collections import defaultdict
from decimal import Decimal

import beancount2ledger
from beancount import loader

print("beancount2ledger", importlib.metadata.version("beancount2ledger"), "beancount", importlib.metadata.version("beancount"))
OPEN = "\n".join(f"2020-01-01 open {account}" for account in ("Assets:Wallet", "Assets:Cash", "Expenses:Fees", "Equity:Opening"))


def payment(day, amount, account="Expenses:Fees"):
    return f'2020-01-{day:02} * "payment"\n  Assets:Wallet  -{amount} BTC\n  {account}  {amount} BTC\n'


def converted(text):
    """Balances by Beancount, and those of the postings in the converted text for both formats."""
    entries, errors, options = loader.load_string(OPEN + "\n" + text)
    assert not errors, errors
    exact = defaultdict(Decimal)
    for entry in entries:
        for posting in getattr(entry, "postings", ()):
            exact[posting.account] += posting.units.number
    found = []
    for kind in ("ledger", "hledger"):
        written = beancount2ledger.convert(entries, kind)
        sums = defaultdict(Decimal)
        for account, amount in re.findall(r"^  ([A-Z]\w+:\w+) +(-?[\d.]+) [A-Z]{3}$", written, re.M):
            sums[account] += Decimal(amount)
        found.append((sums, written))
    return exact, found


usual = [payment(2, "-1.00", "Equity:Opening"), payment(3, "0.50"), payment(4, "0.10")]
exactly = [payment(5, "0.12345678"), payment(6, "0.00001234")]
for title, text, kept in [("one of two digits, two of eight", [usual[0], *exactly], True), ("three and two", [*usual, *exactly], False)]:
    exact, found = converted("\n".join(text))
    for sums, written in found:
        print(f"{title}: wallet {sums['Assets:Wallet']} BTC, in Beancount {exact['Assets:Wallet']} BTC")
        assert (sums["Assets:Wallet"] == exact["Assets:Wallet"]) == kept
        assert sum(sums.values()) == 0, "it balances"
        assert ("0.12345678 BTC" in written) == kept and ("-0.12 BTC" in written) != kept
assert sums["Assets:Wallet"] == Decimal("0.28") and exact["Assets:Wallet"] == Decimal("0.27653088")

exact, found = converted("2020-01-02 pad Assets:Cash Equity:Opening\n2020-01-03 balance Assets:Cash 100.00 EUR\n")
assert dict(exact) == {"Assets:Cash": 100, "Equity:Opening": -100}
for sums, written in found:
    print("padding of 100.00 EUR, in Beancount from Equity:Opening:", dict(sums))
    assert dict(sums) == {"Assets:Cash": 100}, "one posting of two"
print("as described: digits and a posting are lost")
PYTHON
