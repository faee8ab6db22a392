"""The calls that every client makes: a JSON list of [method, parameters], from the ids of two payments."""
import base64
import json
import os
import sys
import urllib.request

confirmed, pending = sys.argv[1:]


def call(method, *params):
    request = urllib.request.Request(
        f"http://{os.environ['HTTP']}/",
        json.dumps({"method": method, "params": params, "id": 1}).encode(),
        {"Authorization": "Basic " + base64.b64encode(os.environ["COOKIE"].encode()).decode()},
    )
    return json.load(urllib.request.urlopen(request))["result"]


block = call("getblockhash", 1)
raw = call("getrawtransaction", confirmed)
address = call("tx", confirmed)["inputs"][0]["address"]
coins = [{"txid": confirmed, "vout": 0}]
unsigned = call("createrawtransaction", coins, {address: 400})
print(json.dumps([
    ["getblockcount", []],
    ["getbestblockhash", []],
    ["getblockhash", [1]],
    ["getblock", [block]],
    ["getblock", [block, 2]],
    ["getblockheader", [block]],
    ["getblockchaininfo", []],
    ["getblockstats", [1]],
    ["getchaintips", []],
    ["getconnectioncount", []],
    ["getdifficulty", []],
    ["getindexinfo", []],
    ["getmempoolentry", [pending]],
    ["getmempoolinfo", []],
    ["getmininginfo", []],
    ["getnettotals", []],
    ["getnetworkhashps", []],
    ["getnetworkinfo", []],
    ["getpeerinfo", []],
    ["getrawmempool", []],
    ["getrawtransaction", [confirmed]],
    ["getrawtransaction", [confirmed, True]],
    ["gettxout", [confirmed, 0]],
    ["gettxoutproof", [[confirmed]]],
    ["gettxoutsetinfo", []],
    ["decoderawtransaction", [raw]],
    ["testmempoolaccept", [[raw]]],
    ["createrawtransaction", [coins, {address: 400, "data": "6869"}, 0, True]],
    ["createrawtransaction", [coins, [{address: 400}]]],
    ["signrawtransactionwithkey", [unsigned, ["00" * 32], [], "ALL"]],
    ["signrawtransactionwithwallet", [unsigned]],
    ["validateaddress", [address]],
    ["verifymessage", [address, "00" * 96, "text"]],
    ["estimatesmartfee", [6]],
    ["listbanned", []],
    ["getnodeaddresses", [1]],
    ["getbalance", [address]],
    ["getnewaddress", ["till"]],
    ["sendtoaddress", [address, 1000]],
    ["sendtoaddress", [address, 1000, "", "", False, False, 6, "unset", False, 2000, True]],
    ["sendmany", ["", {address: 1000}]],
    ["listunspent", [0, 9999999, [address]]],
    ["listtransactions", ["*", 10, 0]],
    ["listsinceblock", [block]],
    ["getwalletinfo", []],
    ["watch", [[address], [confirmed], "", 0, 1, 1, 0]],
    ["help", []],
    ["uptime", []],
    ["ping", []],
]))
