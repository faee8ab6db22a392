#!/usr/bin/env bash
# bip38 (Python): with sequence number 0 the lot is left out of the key.
#
# Guess: intermediate_code(passphrase, lot, sequence) takes lots from 100000 to 999999 and sequence numbers from 0 to 4095, as BIP 38 says
# and the package checks: the encrypted key tells both to whoever decrypts it.
# Happens: 0 counts as not given: lot and sequence are dropped without a word, and the code, the encrypted key and the confirmation
# are those of a key without a lot. With a salt of 4 bytes, which is meant for lots, the code that comes out has a length that the
# package itself refuses. From 1 on all is well.
# Hurts: printers of paper wallets and coins: the first piece of each lot does not say which lot it is of; codes that were handed out
# with it cannot be told apart, and a check of "lot and sequence as ordered" fails after the keys are funded.
# Way out: count from 1.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check bip38==1.4.1
cat >try.py <<'PYTHON'
import importlib.metadata

from bip38 import BIP38
from bip38.cryptocurrencies import Bitcoin

print("bip38", importlib.metadata.version("bip38"))
bip38 = BIP38(cryptocurrency=Bitcoin)
found = {}
for sequence in (0, 1, 4095):
    code = bip38.intermediate_code("tea", lot=100000, sequence=sequence, owner_salt="75ed1cdeb254cb38")
    made = bip38.create_new_encrypted_wif(code, wif_type="wif-compressed", seed="99241d58245c883896f80843d2846672d7312e6195ca1a6c")
    told = bip38.decrypt(made["encrypted_wif"], "tea", detail=True)
    found[sequence] = (told["lot"], told["sequence"])
    print(f"lot 100000, sequence {sequence}: {code[:12]}..., decrypted: lot {told['lot']}, sequence {told['sequence']}")
    assert told["public_key"] and told["wif_type"] == "wif-compressed"
assert found == {0: (None, None), 1: (100000, 1), 4095: (100000, 4095)}
without = bip38.intermediate_code("tea", owner_salt="75ed1cdeb254cb38")
assert bip38.intermediate_code("tea", lot=100000, sequence=0, owner_salt="75ed1cdeb254cb38") == without
print("with sequence 0 the code is the one without a lot:", without[:12] + "...")
short = bip38.intermediate_code("tea", lot=100000, sequence=0, owner_salt="75ed1cde")
try:
    bip38.create_new_encrypted_wif(short)
    raise SystemExit("accepted")
except Exception as error:
    print("with a salt of 4 bytes:", error)
print("as described: the first of a lot has none")
PYTHON
env/bin/python try.py
