import json
import os

from bitcoin_core_rpc import BitcoinCoreRpcClient, RpcError

client = BitcoinCoreRpcClient(
    f"http://{os.environ['HTTP']}", user=os.environ["RPC_USER"], password=os.environ["RPC_PASSWORD"]
)
for method, params in json.load(open(os.environ["CALLS"])):
    try:
        client.call(method, params)
        print(f"ok {method}")
    except Exception as error:
        print(f"FAIL {method}: {error!r}")
for method, params, code in [
    ("getblock", ["99"], -5),
    ("nonsense", [], -32601),
    ("sendtoaddress", {"address": "x", "amount": 1}, -5),
    ("sendtoaddress", {"address": client.call("getnewaddress", []), "amount": 1 << 60}, -6),
]:
    try:
        client.call(method, params)
        print(f"FAIL {method}: no error")
    except RpcError as error:
        print(f"ok error {code}" if error.code == code else f"FAIL {method}: {error!r}")
named = client.call("getblockhash", {"height": 0})
print("ok named parameters" if len(named) == 64 else "FAIL named parameters: wrong answer")
count = client.call_batch([("getblockhash", [0]), ("getblockcount", None)])[1]
print("ok batch" if count == 1 else f"FAIL batch: {count}")
status, _ = client.call_raw("getblockcount", jsonrpc=None)
print("ok JSON-RPC 1.x" if status == 200 else f"FAIL JSON-RPC 1.x: {status}")
print("known assert_chain: the chain is none of Bitcoin's")
