import json
import os

from bitcoinrpc.authproxy import AuthServiceProxy, JSONRPCException

proxy = AuthServiceProxy(f"http://{os.environ['COOKIE']}@{os.environ['HTTP']}")
calls = json.load(open(os.environ["CALLS"]))


def check(name, holds):
    print(f"ok {name}" if holds else f"FAIL {name}: wrong answer")


for method, params in calls:
    try:
        getattr(proxy, method)(*params)
        print(f"ok {method}")
    except Exception as error:
        print(f"FAIL {method}: {error!r}")
for method, params, code in [("getblock", ["99"], -5), ("nonsense", [], -32601), ("sendtoaddress", ["x", 1], -5)]:
    try:
        getattr(proxy, method)(*params)
        print(f"FAIL {method}: no error")
    except JSONRPCException as error:
        check(f"error {code}", error.code == code)
try:
    results = proxy.batch_([["getblockcount"], ["getblockhash", 0]])
    check("batch", results[0] == 1 and len(results[1]) == 64)
except KeyError:
    print("known batch_: it asks as JSON-RPC 2.0 and wants an error of 1.x, which Bitcoin Core 28 does not give either")
