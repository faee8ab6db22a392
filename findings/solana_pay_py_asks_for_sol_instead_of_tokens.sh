#!/usr/bin/env bash
# solana-pay-py (PyPI): a request for 25 USDC is one for 25 SOL to every other wallet, and 2.01 SOL are paid short.
#
# Guess: PaymentRequest.to_url() writes the addresses of Solana Pay's specification: spl-token names the token, without it the amount is in
# SOL; amounts are decimal numbers. from_url() reads the same. A transfer that the package builds is one that it accepts.
# Happens: the token is written as spl_token, with an underscore, and read under that name only. Others see an unknown word and an
# amount of SOL; a USDC request of theirs is one for SOL here. 0.00001 is written as 1e-05. Amounts are floats times 10^9, cut: for
# 2.01 SOL one lamport less is sent, and the check of the payment, by floats too, says "not transferred"; it says so as well of
# exactly 0.1 SOL on top of 0.2.
# Hurts: the payer of a code for 25 USDC, who is asked for a hundred times as much; shops that wait for a payment that came.
# Way out: the reference library; or replace spl_token by spl-token and count in lamports.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check solana-pay-py==0.1.0 solana==0.21.0
cat >try.py <<'PY'
from importlib.metadata import version
from urllib.parse import parse_qs, urlparse

from solana.publickey import PublicKey
from solana.system_program import decode_transfer
from solana_pay.common.exceptions import ValidateTransactionError
from solana_pay.core.models import PaymentRequest
from solana_pay.core.transactions import SolTransactionBuilder, SolTransactionValidator
from solana_pay.core.transactions.validators.transaction_validator import TransactionDetails

print("solana-pay-py", version("solana-pay-py"))
shop, payer = PublicKey("mvines9iiHiQTysrwkJjGf2gb9Ex9jXJX8ns3qwf2kN"), PublicKey(7)
usdc = PublicKey("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v")


def words(**fields):
    return parse_qs(urlparse(PaymentRequest(recipient=shop, **fields).to_url()).query)


asked = words(amount=25.0, spl_token=usdc)
print("25 USDC are written as", asked)
assert "spl-token" not in asked and asked["spl_token"] == [str(usdc)]
read = PaymentRequest.from_url(f"solana:{shop}?amount=25&spl-token={usdc}")
print("25 USDC of another wallet are read as", read.amount, "of", read.spl_token or "SOL")
assert read.amount == 25 and read.spl_token is None
print("0.00001 is written as", words(amount=0.00001)["amount"][0])
assert words(amount=0.00001)["amount"] == ["1e-05"]


class Node:
    """The answers of a node: all accounts have money, the shop's balance goes from one number to another."""

    def __init__(self, before=0, after=0):
        self.balances = before, after

    def get_account_info(self, key):
        account = {"owner": "11111111111111111111111111111111", "executable": False, "lamports": 10**12}
        return {"result": {"value": account}}

    def get_transaction(self, signature, commitment=None):
        before, after = self.balances
        message = {"accountKeys": [str(payer), str(shop)]}
        return {"result": {"meta": {"err": None, "preBalances": [10**12, before], "postBalances": [10**12, after]}, "transaction": {"message": message}}}


def sent(amount):
    transaction = SolTransactionBuilder(Node()).create(payer, PaymentRequest(recipient=shop, amount=amount, reference=[PublicKey(9)]))
    return decode_transfer(transaction.instructions[-1]).lamports


def accepted(amount, before, after):
    details = TransactionDetails(signature="", recipient=shop, amount=amount, reference=[])
    try:
        return SolTransactionValidator(Node(before, after))(details)
    except ValidateTransactionError as error:
        return str(error)


for amount in (1.5, 2.01, 2.03):
    lamports = sent(amount)
    print(f"{amount} SOL: {lamports} lamports are sent; accepted: {accepted(amount, 10**9, 10**9 + lamports)}")
assert sent(1.5) == 1500000000 and accepted(1.5, 10**9, 10**9 + sent(1.5)) is True
assert sent(2.01) == 2009999999 and accepted(2.01, 10**9, 10**9 + sent(2.01)) is not True
exact = accepted(0.1, 200000000, 300000000)
print("exactly 0.1 SOL on top of 0.2:", exact)
assert exact is not True
print("as described: SOL instead of tokens, a lamport short")
PY
env/bin/python try.py
