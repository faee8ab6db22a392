#!/usr/bin/env bash
# litecoin-cli ends with 0 when the server answers with the JSON-RPC error -32000.
#
# Guess: a command that prints "error code: -32000" ends with a code other than 0, as it does for -5 or -32601.
# Happens: the exit code is the error's absolute value, of which the kernel keeps the lowest eight bits. 32000 is
# 125 x 256, so the shell sees success. JSON-RPC 2.0 leaves -32000 to -32099 to servers, and -32000 is the usual first one.
# Hurts: scripts of the form `litecoin-cli … && next`, against any node or proxy that uses the code. Its relatives share
# the rule "exit code = error code". (Needs apt of Debian 12, where the pinned package is from.)
set -euo pipefail
version='0.21.2.1-1+b1'
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
chmod 755 . # apt drops its rights to download
for package in "litecoind=$version" libboost-filesystem1.74.0 libboost-thread1.74.0 libevent-2.1-7 \
  libevent-pthreads-2.1-7 libfmt9; do
  apt-get download -q "$package" >/dev/null 2>&1 || echo "note: $package was not downloaded; this system may have it"
done
for deb in ./*.deb; do dpkg-deb -x "$deb" tree; done
libraries=$(find tree -name '*.so*' -printf '%h\n' | sort -u | paste -sd: -)
export LD_LIBRARY_PATH=$libraries CLI=$dir/tree/usr/bin/litecoin-cli
"$CLI" -version | head -n 1
python3 - <<'PYTHON'
import http.server, json, os, subprocess, threading

class Server(http.server.BaseHTTPRequestHandler):
    code = 0
    def do_POST(self):
        question = json.loads(self.rfile.read(int(self.headers["content-length"])))
        error = {"code": Server.code, "message": "not now"}
        body = json.dumps({"result": None, "error": error, "id": question["id"]}).encode()
        self.send_response(500)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.mkdir("data")
seen = {}
for Server.code in (-5, -32601, -32000):
    command = [os.environ["CLI"], "-datadir=data", f"-rpcport={server.server_port}", "-rpcuser=u", "-rpcpassword=p",
               "-rpcclienttimeout=20", "getblockcount"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    seen[Server.code] = done.returncode
    print(f"error {Server.code}: exit code {done.returncode}, stderr {done.stderr.split()[:3]}")
assert seen == {-5: 5, -32601: 32601 % 256, -32000: 0}, seen
print("as described: an error that ends with 0")
PYTHON
