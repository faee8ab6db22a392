#!/usr/bin/env bash
# open-rpc-typings writes nothing for a document with a bare array, says to mend the document, and ends with 0.
#
# Guess: {"type": "array"} is a valid JSON Schema (any items) and a valid OpenRPC result; it becomes any[] in TypeScript.
# If a generator cannot do it, it names the method and ends with an error.
# Happens: "Cannot convert undefined or null to object. Please revise the validation errors above" with no errors above,
# no file, and exit code 0. With "items" the same document gives typings.
# Hurts: builds that generate a client from a node's rpc.discover: they go on with yesterday's file, or with none.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund @open-rpc/typings@1.13.1 >/dev/null
document() {
  echo '{"openrpc": "1.2.6", "info": {"title": "node", "version": "1"}, "methods": [{"name": "getpeers", "params": [],' \
    "\"result\": {\"name\": \"peers\", \"schema\": $1}}]}"
}
document '{"type": "array"}' >bare.json
document '{"type": "array", "items": {}}' >items.json
node -p '"@open-rpc/typings " + require("@open-rpc/typings/package.json").version'
for name in bare items; do
  code=0
  ./node_modules/.bin/open-rpc-typings -d "$name.json" --output-ts="$dir/$name" >"$name.log" 2>&1 || code=$?
  echo "$name: exit code $code, files: $(ls "$name" 2>/dev/null | paste -sd' ' -), said: $(head -n 2 "$name.log" | paste -sd' ' -)"
  [ "$code" = 0 ]
done
[ ! -e bare ] && grep -q 'Cannot convert undefined or null to object' bare.log
[ -s items/index.ts ]
echo "as described: no typings, no method named, exit code 0"
