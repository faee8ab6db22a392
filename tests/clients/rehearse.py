"""An app's tests on a test chain. Each begins where all begin, as its node is brought back after it; the app's books follow what
it is told. Arguments: the node's URL, the cookie, an address, and a secret-free way to pay: the command that does."""

import base64
import json
import subprocess
import sys
import urllib.request

URL, COOKIE, ADDRESS, PAY = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]


def rpc(method, *params):
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}).encode()
    login = base64.b64encode(COOKIE.encode()).decode()
    request = urllib.request.Request(URL, body, {"Authorization": "Basic " + login, "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        answer = json.load(answer)
    if answer.get("error"):
        raise RuntimeError(answer["error"]["message"])
    return answer["result"]


class Books:
    """What the address has been paid, by what the node tells: each payment is credited once and taken back once."""

    def __init__(self):
        self.paid, self.cursor = {}, None

    def follow(self):
        while True:
            told = rpc("watch", {"addresses": [ADDRESS], "timeout": 0, **({"cursor": self.cursor} if self.cursor else {})})
            self.cursor = told["cursor"]
            for event in told["events"]:
                if event["event"] == "confirmed":
                    assert event["id"] not in self.paid, "credited twice: " + event["id"]
                    self.paid[event["id"]] = event["received"]
                if event["event"] == "undone":
                    assert event["id"] in self.paid, "taken back without a credit: " + event["id"]
                    del self.paid[event["id"]]
            if not told.get("more"):
                return sum(self.paid.values())


def pay(amount):
    done = subprocess.run(PAY + ["send", ADDRESS, str(amount), "--from", "dev8", "--wait", "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["id"]


def credits_a_payment(books):
    pay(250)
    assert books.follow() == 250


def takes_back_what_is_undone(books):
    txid = pay(250)
    assert books.follow() == 250
    rpc("devreorg", 1, True)
    assert books.follow() == 0
    assert rpc("tx", txid)["status"] == "orphaned"


def keeps_what_a_reorganisation_brings_back(books):
    pay(250)
    pay(300)
    rpc("devreorg", 2)
    for _ in range(600):  # the next block has them
        if rpc("wait", {"kind": "height", "value": rpc("getblockcount"), "timeout": 1})["ok"] and books.follow() == 550:
            return
    raise AssertionError(books.paid)


def waits_for_the_due_date(books):
    rpc("evm_increaseTime", 30 * 86400)
    txid = pay(250)
    due = rpc("getblockheader", rpc("tx", txid)["block"])["time"]
    assert due - rpc("getblockheader", rpc("getblockhash", 0))["time"] > 30 * 86400


def main():
    books = Books()
    books.follow()
    start = (rpc("getbestblockhash"), rpc("getbalance", ADDRESS))
    snapshot = rpc("evm_snapshot")
    tests = [credits_a_payment, takes_back_what_is_undone, keeps_what_a_reorganisation_brings_back, waits_for_the_due_date]
    for test in tests + tests:
        test(books)
        assert rpc("evm_revert", snapshot) is True
        snapshot = rpc("evm_snapshot")
        assert (rpc("getbestblockhash"), rpc("getbalance", ADDRESS)) == start, test.__name__
        assert books.follow() == 0, (test.__name__, books.paid)
    print("ok", len(tests) * 2)


main()
