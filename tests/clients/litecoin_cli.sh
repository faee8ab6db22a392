#!/usr/bin/env bash
cli() { "$LITECOIN_CLI" -datadir="$(dirname "$CALLS")" -rpcconnect="${HTTP%:*}" -rpcport="${HTTP##*:}" -rpcuser="$RPC_USER" -rpcpassword="$RPC_PASSWORD" "$@" 2>&1; }
try() { local out; if out=$(cli "$@"); then echo "ok $*"; else echo "FAIL $*: $(tail -n 1 <<<"$out")"; fi; }
try getblockcount
try getblockhash 1
try getblockchaininfo
try getnetworkinfo
try -getinfo
try -netinfo
try -netinfo 4
try getmempoolinfo
case $(cli getblock 99) in *"error code: -5"*) echo "ok error -5" ;; *) echo "FAIL error -5" ;; esac
echo "known -generate: not tried since there is getnewaddress"
