#!/usr/bin/env bash
# The OpenRPC document: valid, and a generator makes a client of it.
work=$1
curl -s "http://$HTTP/openrpc.json" >"$work/openrpc.json"
node -e '
const { validateOpenRPCDocument } = require("@open-rpc/schema-utils-js");
const problem = validateOpenRPCDocument(JSON.parse(require("fs").readFileSync(process.argv[1])));
console.log(problem === true ? "ok the document is valid" : "FAIL validate: " + problem.message);
' "$work/openrpc.json"
cat >"$work/generate.json" <<EOF
{ "openrpcDocument": "$work/openrpc.json", "outDir": "$work/generated",
  "components": [{ "type": "client", "name": "tussock", "language": "typescript" },
                 { "type": "client", "name": "tussock", "language": "rust" }] }
EOF
if "$work/node/node_modules/.bin/open-rpc-generator" generate --config "$work/generate.json" >"$work/generate.log" 2>&1; then
    grep -rqs getblockcount "$work/generated" && echo "ok a client is generated" || echo "FAIL generate: no getblockcount"
else
    echo "FAIL generate: $(tail -n 1 "$work/generate.log")"
fi
