#!/usr/bin/env bash
# pynanocurrency (Python): an amount in thousandths is converted as one in millions, a thousand million times too much.
#
# Guess: convert(amount, source, target) knows seven units of NANO, from raw to GIGANANO. MILLINANO is 10^21 raw, as its
# description says, and MEGANANO 10^30.
# Happens: both have the text "Mnano", and two names of an enumeration with one text are one: MEGANANO is MILLINANO, and its factor
# is that of the million. 5 MILLINANO are 5 * 10^30 raw, five whole coins, and 5 raw are 10^9 times too few MILLINANO. The list of
# units has six. The other units are right, and so is MEGANANO. nanolib, made of it later, has both apart.
# Hurts: whoever pays or shows small amounts in that unit: tips of a few thousandths are sent as coins. There and back again is
# the same amount, so a round trip in a test does not find it.
# Way out: nanolib, or the unit NANO and thousandths of it.
# (Needs a C compiler.)
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check pynanocurrency==0.1.post1 nanolib==0.4.3 2>/dev/null
env/bin/python - <<'PYTHON'
import importlib.metadata

import nanocurrency
import nanolib

for name in ("pynanocurrency", "nanolib"):
    print(name, importlib.metadata.version(name))
Unit, Other = nanocurrency.NanoDenomination, nanolib.NanoDenomination
print("units:", [unit.name for unit in Unit], "and in nanolib:", [unit.name for unit in Other])
assert len(Unit) == 6 and len(Other) == 7 and Unit.MEGANANO is Unit.MILLINANO
for unit in Other:
    got = int(nanocurrency.convert(5, Unit[unit.name], Unit.RAW))
    right = int(nanolib.convert(5, unit, Other.RAW))
    print(f"5 {unit.name} in raw: {got}" + ("" if got == right else f", right would be {right}"))
    assert got == right * (10**9 if unit is Other.MILLINANO else 1)
    assert nanocurrency.convert(nanocurrency.convert(5, Unit[unit.name], Unit.RAW), Unit.RAW, Unit[unit.name]) == 5
print("as described: a thousandth is a million")
PYTHON
