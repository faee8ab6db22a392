#!/usr/bin/env bash
# The Python package jsonrpclib-pelix gives the answers of a batch to the wrong calls when the server answers in another order.
#
# Guess: each request of a batch has its own id, and the client sorts the answers by it. JSON-RPC 2.0 lets a server answer
# in any order for that reason, and servers with threads send what is ready first.
# Happens: a MultiCall hands out the answers in the order of the response, though its documentation assigns them to the
# calls (`add_result, address = multicall()`). The ids are sent, come back, and are never looked at; no error is raised.
# pjrpc, against the same server, is right.
# Hurts: scripts that ask a node for several balances or heights at once: each number is genuine and stands at the wrong
# name. With servers that answer in order, all tests pass.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check jsonrpclib-pelix==1.2.0 pjrpc==2.2.0 requests==2.32.3
env/bin/python - <<'PYTHON'
import http.server, importlib.metadata, json, threading

class Server(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        requests = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert len({request["id"] for request in requests}) == len(requests)
        answers = [
            {"jsonrpc": "2.0", "id": request["id"], "result": f"balance of {request['params'][0]}"}
            for request in reversed(requests)
        ]
        body = json.dumps(answers).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

server = http.server.ThreadingHTTPServer(("localhost", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"localhost:{server.server_port}"
names = ["alice", "bob", "carol"]

def pelix():
    import jsonrpclib
    batch = jsonrpclib.MultiCall(jsonrpclib.ServerProxy(f"http://{address}"))
    for name in names:
        batch.balance(name)
    return list(batch())

def pjrpc():
    from pjrpc.client.backend import requests
    with requests.Client(f"http://{address}").batch() as batch:
        for name in names:
            batch("balance", name)
    return list(batch.get_results())

wanted = [f"balance of {name}" for name in names]
cases = {"jsonrpclib-pelix": (pelix, wanted[::-1]), "pjrpc": (pjrpc, wanted)}
failed = False
for package, (call, expected) in cases.items():
    got = call()
    print(package, importlib.metadata.version(package), dict(zip(names, got)))
    failed |= got != expected
assert not failed
print("as described: answers are matched by position, not by id")
PYTHON
