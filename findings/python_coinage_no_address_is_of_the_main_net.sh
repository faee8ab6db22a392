#!/usr/bin/env bash
# python-coinage: each address is valid, and none of the main net; Bitcoin Cash's own addresses cannot be checked at all.
#
# Guess: its page shows "if valid.is_from_main_net(): print('this address looks good')", for Bitcoin by the first byte or the letters bc and
# tb. It names CashAddr and EIP-55 among its sources, and BitcoinCashBlockchain, which takes both kinds of its addresses.
# Happens: network_name() and is_from_main_net() work out their answer and do not return it: both give None for all Bitcoin addresses, so
# that the page's example says "this isn't a mainnet address" to each one. With Ethereum the name is "all", and the main net is None too.
# For a CashAddr the checksum uses a variable before it has a value: UnboundLocalError for each, out of is_valid() too, which
# "doesn't raise exceptions". str() of a result raises AttributeError.
# Hurts: shops and exchanges that ask whether an address is of the right net before they pay to it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
# safe-pysha3 is pysha3 with wheels for the Pythons of today
env/bin/pip install -q --disable-pip-version-check --no-deps python-coinage==1.0.0 safe-pysha3==1.0.5 base58check==1.0.2 cashaddress==1.0.6
env/bin/python - <<'PYTHON'
import importlib.metadata

from cashaddress import convert
from coinage import BitcoinBlockchain, BitcoinCashBlockchain, EthereumBlockchain

print("python-coinage", importlib.metadata.version("python-coinage"))
main, test = BitcoinBlockchain.MAIN_NET, BitcoinBlockchain.TEST_NET
for chain, address, net in [  # those of the private key 1 and of EIP-55
    (BitcoinBlockchain, "1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH", main),
    (BitcoinBlockchain, "mrCDrCybB6J1vRfbwM5hemdJz73FwDBC8r", test),
    (BitcoinBlockchain, "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", main),
    (BitcoinBlockchain, "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", test),
    (EthereumBlockchain, "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "all"),
]:
    valid, details = chain().is_valid(address)
    found = details.network_name(), details.is_from_main_net()
    print(f"{address}: valid {valid}, network {found[0]} (right: {net}), of the main net: {found[1]}")
    assert valid and found == ("all" if net == "all" else None, None)
    try:
        raise SystemExit(str(details))
    except AttributeError as error:
        assert "validator" in str(error)

address = "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a"
print(f"{address}: by cashaddress it is {convert.to_legacy_address(address)}")
try:
    raise SystemExit(BitcoinCashBlockchain().is_valid(address))
except UnboundLocalError as error:
    print("python-coinage:", repr(error))
print("as described: no address is of the main net")
PYTHON
