#!/usr/bin/env bash
# Calls a node with the RPC clients that exist for Bitcoin Core and its kin, checks the documents that describe the node, and
# reads its tables with other tools. Installs the clients, pinned, into a temporary folder; skips what cannot be installed, and says so.
#
#   tests/clients/run.sh [--write]      --write: puts the table into src/rpc/CLIENTS.md
#   TUSSOCK_BIN=FILE                    the program; otherwise a debug build is made
#   LITECOIN_CLI=FILE                   litecoin-cli, if it is not on the PATH
#
# Ends with 1 if a client fails at a method that is not among those known to fail.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
write=; [ "${1:-}" = --write ] && write=1
if [ -z "${TUSSOCK_BIN:-}" ]; then
    cargo build --quiet --manifest-path "$root/Cargo.toml" || exit 1
    TUSSOCK_BIN="$root/target/debug/tussock"
fi
work=$(mktemp -d)
node=
finish() { [ -n "$node" ] && kill "$node" && wait "$node"; rm -rf "$work"; }
trap finish EXIT

# The node: a payment in block 1, another one in the mempool.
"$TUSSOCK_BIN" dev --data-dir "$work/data" --block-time 1h --listen 127.0.0.1:0 --http 127.0.0.1:0 >"$work/node.log" 2>&1 &
node=$!
tussock() { "$TUSSOCK_BIN" --data-dir "$work/data" --chain dev "$@"; }
for _ in $(seq 100); do tussock wait ready --timeout 2 >"$work/wait.log" 2>&1 && break; done
tussock wait ready --timeout 5 >/dev/null || { cat "$work/node.log"; exit 1; }
json() { python3 -c 'import json, sys; print(json.load(sys.stdin)'"$1"')'; }
confirmed=$(tussock send dev1 1000 --from dev0 --memo confirmed --json | json '["id"]') || exit 1
tussock mine 1 >/dev/null
pending=$(tussock send dev2 2000 --from dev0 --memo pending --json | json '["id"]') || exit 1
CALLS="$work/calls.json" HTTP=$(json '["http"]' <"$work/data/dev/endpoints.json") COOKIE=$(cat "$work/data/dev/rpc.cookie")
export CALLS HTTP COOKIE
export RPC_USER=${COOKIE%%:*} RPC_PASSWORD=${COOKIE#*:}
python3 "$here/calls.py" "$confirmed" "$pending" >"$CALLS" || exit 1

rows="$work/rows"; failed=0
# row NAME COMMAND…: runs a client, which prints "ok METHOD" or "FAIL METHOD: reason" for each call.
row() {
    local name=$1 out="$work/out" ok bad known; shift
    timeout 600 "$@" >"$out" 2>"$out.err"; local code=$?
    ok=$(grep -c '^ok ' "$out"); bad=$(grep '^FAIL ' "$out" | sed 's/^FAIL //')
    known=$(grep '^known ' "$out" | sed 's/^known //' | paste -sd';' | sed 's/;/; /g')
    [ "$code" -ne 0 ] && [ -z "$bad" ] && bad="ended with $code: $(tail -n 1 "$out.err")"
    if [ -n "$bad" ]; then failed=1; fi
    echo "| $name | $ok | ${bad:+$(paste -sd' ' <<<"$bad")} | ${known:-–} |" >>"$rows"
    echo "$name: $ok ok${bad:+, FAILED: $bad}${known:+, known: $known}"
}
skip() { echo "| $1 | – | not run: $2 | – |" >>"$rows"; echo "$1: skipped, $2"; }
has() { command -v "$1" >/dev/null; }

row "curl, as in Bitcoin's documentation" bash "$here/curl.sh"
if has python3 && python3 -m venv "$work/python" 2>/dev/null && "$work/python/bin/pip" install --quiet \
    python-bitcoinrpc==1.0 bitcoin-core-rpc==2026.10.23 openapi-spec-validator==0.9.0 jsonschema==4.26.0 >/dev/null 2>&1; then
    python="$work/python/bin/python"
    row "python-bitcoinrpc 1.0 (PyPI)" "$python" "$here/python_bitcoinrpc.py"
    row "bitcoin-core-rpc 2026.10.23 (PyPI)" "$python" "$here/bitcoin_core_rpc_client.py"
    row "answers against OpenRPC, jsonschema 4.26" "$python" "$here/schemas.py"
    row "openapi-spec-validator 0.9 (PyPI)" "$python" "$here/openapi.py"
else
    skip "clients of PyPI" "pip cannot install them here"
fi
if has npm && npm --prefix "$work/node" install --no-audit --no-fund --loglevel=error \
    bitcoin-core@5.0.0 bitcoind-rpc@0.9.1 @open-rpc/generator@1.22.3 @open-rpc/schema-utils-js@2.2.1 >/dev/null 2>&1; then
    export NODE_PATH="$work/node/node_modules"
    row "bitcoin-core 5.0.0 (npm)" node "$here/bitcoin_core.js"
    row "bitcoind-rpc 0.9.1 (npm)" node "$here/bitcoind_rpc.js"
    row "fetch of Node.js, 64-bit integers" node "$here/fetch.js"
    row "@open-rpc/schema-utils-js, @open-rpc/generator 1.22.3 (npm)" bash "$here/openrpc.sh" "$work"
else
    skip "clients of npm" "npm cannot install them here"
fi
if has cargo && cp -r "$here/rust" "$work/rust" && mv "$work/rust/manifest.toml" "$work/rust/Cargo.toml" \
    && (cd "$work/rust" && cargo build --quiet >/dev/null 2>"$work/cargo.log"); then
    row "bitcoincore-rpc 0.19 (Rust)" "$work/rust/target/debug/client"
else
    skip "bitcoincore-rpc 0.19 (Rust)" "cargo cannot build it here"
fi
LITECOIN_CLI=${LITECOIN_CLI:-litecoin-cli}
if has "$LITECOIN_CLI"; then
    export LITECOIN_CLI
    row "litecoin-cli 0.21 (Debian)" bash "$here/litecoin_cli.sh"
else
    skip "litecoin-cli 0.21 (Debian)" "it is not installed"
fi

if [ -n "${python:-}" ] && "$work/python/bin/pip" install --quiet pandas==3.1.1 polars==2.1.0 pyarrow==26.0.1 \
    adbc-driver-sqlite==1.13.0 adbc-driver-manager==1.13.0 datasette==0.65.5 >/dev/null 2>&1; then
    # Last, since the others want one block; more than the rows by which ADBC guesses the type of a column.
    tussock mine 1100 >/dev/null
    export TUSSOCK_BIN FOLDER="$work/data/dev"
    row "tables: pandas 3.1, polars 2.1 with ADBC 1.13, Datasette 0.65" "$python" "$here/tables.py"
else
    skip "tables: pandas, polars with ADBC, Datasette" "pip cannot install them here"
fi

# It makes blocks and pays, so nothing that counts blocks or payments may come after it.
name="the protocol of nodes, over noiseprotocol 0.3.1 (PyPI)"
if [ -n "${python:-}" ] && "$work/python/bin/pip" install --quiet bech32==1.2.0 noiseprotocol==0.3.1 blake3==1.0.11 \
    cryptography==50.0.2 >/dev/null 2>&1; then
    client=("$python" "$here/protocol.py" --key "$work/client.key")
    row "$name" "${client[@]}" --chain dev "$(json '["p2p"]' <"$work/data/dev/endpoints.json")"
    kill "$node" && wait "$node"
    members() { "$TUSSOCK_BIN" --data-dir "$work/members" --chain local "$@"; }
    id=$(members members id) && { echo "$id"; "${client[@]}" --id -; } >"$work/list"
    members run --members "$work/list" --listen 127.0.0.1:0 --http 127.0.0.1:0 >"$work/members.log" 2>&1 &
    node=$!
    for _ in $(seq 100); do members wait ready --timeout 2 >"$work/wait.log" 2>&1 && break; done
    P2P=$(json '["p2p"]' <"$work/members/local/endpoints.json")
    row "$name, with members" "${client[@]}" --members --node "$id" "$P2P"
else
    skip "$name" "pip cannot install it here"
fi

if [ -n "$write" ]; then
    { cat "$here/CLIENTS.head.md"; cat "$rows"; } >"$root/src/rpc/CLIENTS.md"
fi
exit "$failed"
