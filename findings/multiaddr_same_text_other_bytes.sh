#!/usr/bin/env bash
# The multiaddr libraries of JavaScript and Python make different bytes of the same address.
#
# Guess: a multiaddress has a text and a binary form, and each library of the project converts one to the other alike: the
# binary form is what peers exchange and sign.
# Happens: so it is for ip4, dns, tcp, quic, onion3 and a peer's usual name. But /memory/42 is the text "42" in
# @multiformats/multiaddr and a 64-bit number in Python's; garlic32, an I2P address, is its letters in the one and its 32
# bytes in the other; the path of http-path gets a slash in front in the one and none in the other; and a peer written as
# CIDv1, the newer form, is its multihash in the one and the whole CID in the other. Of eight binary addresses that the
# two read from each other, one is understood; two are refused, and five become the address of something else.
# Hurts: nodes in two languages that pass on addresses in binary form: those with the common protocols connect; others vanish,
# or lead to another path or peer, and signatures over them do not fit.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-audit --no-fund @multiformats/multiaddr@13.0.3 >/dev/null
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check multiaddr==0.2.0
cat >texts <<'TEXTS'
/ip4/192.0.2.1/tcp/9735/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N
/dns4/node.example/udp/9/quic-v1
/onion3/vww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyyd:1234
/memory/42
/garlic32/566niximlxdzpanmn4qouucvua3k7neniwss47li5r6ugoertzuq
/ip4/192.0.2.1/tcp/80/http-path/a%2Fb
/p2p/bafzbeigvf52ytfcg2ceyjpsiorctrmlnsj2ziqbzcwqdiaq7vvpcbplr2i
TEXTS
cat >js.js <<'JS'
import { readFileSync } from "fs";
import { multiaddr } from "@multiformats/multiaddr";
for (const line of readFileSync(0, "utf8").trim().split("\n")) {
  try {
    if (line.startsWith("/")) console.log(Buffer.from(multiaddr(line).bytes).toString("hex"));
    else console.log(multiaddr(Buffer.from(line, "hex")).toString());
  } catch {
    console.log("refused");
  }
}
JS
cat >py.py <<'PYTHON'
import sys
from multiaddr import Multiaddr
for line in sys.stdin.read().split():
    try:
        print(Multiaddr(line).to_bytes().hex() if line.startswith("/") else Multiaddr(bytes.fromhex(line)))
    except Exception:
        print("refused")
PYTHON
node js.js <texts >js
env/bin/python py.py <texts >py
node js.js <py >py-in-js
env/bin/python py.py <js >js-in-py
node -p '"@multiformats/multiaddr " + JSON.parse(fs.readFileSync("node_modules/@multiformats/multiaddr/package.json")).version'
env/bin/python -c 'import importlib.metadata as m; print("multiaddr for Python", m.version("multiaddr"))'
lost=0
while IFS=$'\t' read -r text js py py_in_js js_in_py; do
  echo "$text"
  if [ "$js" = "$py" ]; then
    echo "  the same bytes"
    [ "$py_in_js" = "$js_in_py" ] && [ "$js_in_py" = "$text" ]
    continue
  fi
  echo "  JavaScript $js, in Python: $js_in_py"
  echo "  Python     $py, in JavaScript: ${py_in_js//[^[:print:]]/?}"
  [ "$py_in_js" = "$text" ] || lost=$((lost + 1))
  # The same peer by its older name, as in the first line of texts.
  [ "$js_in_py" = "$text" ] || [ "$js_in_py" = /p2p/QmcgqXF8BQDYqrvax3cYNmW3bWoWPSRp4LY7KzK1b1dQy7 ] || lost=$((lost + 1))
done < <(paste texts js py py-in-js js-in-py)
[ "$(sed -n 4p js)" = 8906023432 ] && [ "$(sed -n 4p py)" = 8906000000000000002a ]
[ "$(sed -n 6p js-in-py)" = /ip4/192.0.2.1/tcp/80/http-path/%2Fa%2Fb ]
[ "$(sed -n 6p py-in-js)" = /ip4/192.0.2.1/tcp/80/http-path/%2Fb ]
[ "$lost" = 7 ]
echo "as described: 7 of 8 binary addresses of the last four lose their meaning"
