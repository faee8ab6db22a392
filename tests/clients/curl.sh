#!/usr/bin/env bash
call() { curl -s --user "$COOKIE" --data-binary "$1" -H 'content-type: text/plain;' "http://$HTTP/"; }
expect() { case "$2" in *"$3"*) echo "ok $1" ;; *) echo "FAIL $1: $2" ;; esac; }
expect getblockcount "$(call '{"jsonrpc":"1.0","id":"curltest","method":"getblockcount","params":[]}')" '{"result":1,"error":null,"id":"curltest"}'
expect 2.0 "$(call '{"jsonrpc":"2.0","id":1,"method":"ping"}')" '{"jsonrpc":"2.0","id":1,"result":"pong"}'
expect error "$(call '{"id":1,"method":"nonsense"}')" '"code":-32601'
expect batch "$(call '[{"id":1,"method":"ping"},{"id":2,"method":"getblockcount"}]')" '"result":1'
