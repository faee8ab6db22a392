#!/usr/bin/env bash
# Gives one node a wrong clock, sets it right again, and prints a table of what the node said and did meanwhile.
#
#   scripts/clocks.sh               all cases
#   scripts/clocks.sh lone +3h      only those of a role (lone, four, newcomer), or of a clock
#
# Needs jq, curl and libfaketime (Debian: faketime). TUSSOCK_BIN: the program; otherwise a debug build is made.
# Ends with 1 if a node did not say or do what it should within ten seconds, or lost something.
set -uo pipefail
cd "$(dirname "$0")/.."
if [ -z "${TUSSOCK_BIN:-}" ]; then
    cargo build --quiet || exit 1
    TUSSOCK_BIN=$PWD/target/debug/tussock
fi
library=$(find /usr/lib -name libfaketime.so.1 2>/dev/null | head -n 1)
[ -n "$library" ] || { echo "libfaketime is not installed: skipped"; exit 0; }
work=$(mktemp -d)
declare -A pids=()
trap 'kill ${pids[*]} 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT
failed=0
port=$((20000 + RANDOM % 20000))

node() { "$TUSSOCK_BIN" -d "$work/$1" --chain "$work/$role.toml" "${@:2}"; }
p2p() { jq -r .p2p "$work/$1"/*/endpoints.json; }
status() { node "$1" status --json 2>/dev/null || echo '{}'; }
ready() { curl -s -o /dev/null -w '%{http_code}' "http://$(jq -r .http "$work/$1"/*/endpoints.json)/readyz"; }
clock() { printf '%s\n' "$1" >"$work/clock.new" && mv "$work/clock.new" "$work/clock"; }
# start NAME FLAGS…: a node; the one named x has the clock that `clock` sets.
start() {
    local name=$1 fake=(); shift
    mkdir -p "$work/$name"
    [ "$name" = x ] && fake=(env LD_PRELOAD="$library" FAKETIME_TIMESTAMP_FILE="$work/clock" FAKETIME_NO_CACHE=1
        FAKETIME_DONT_FAKE_MONOTONIC=1)
    port=$((port + 1))
    "${fake[@]}" "$TUSSOCK_BIN" -d "$work/$name" --chain "$work/$role.toml" run --listen "127.0.0.1:$port" \
        --http 127.0.0.1:0 --mine-rate 2000 --quiet "$@" >"$work/$name.out" 2>&1 &
    pids[$name]=$!
    node "$name" wait ready --timeout 30 >/dev/null || { echo "$name does not start"; cat "$work/$name.out"; exit 1; }
}
stop() { kill "${pids[$1]}" && wait "${pids[$1]}"; unset "pids[$1]"; }
# holds STATUS READY FILTER: whether the node is as the filter wants; $ready is the HTTP status of /readyz.
holds() { jq -e --arg ready "$2" "$3" >/dev/null 2>&1 <<<"$1"; }
# until_holds FILTER: waits ten seconds at most; sets `seen`, `code` and `took`.
until_holds() {
    local begun now
    begun=$(date +%s%N)
    while :; do
        seen=$(status x) code=$(ready x) now=$(date +%s%N)
        took=$(((now - begun) / 100000000))
        took=$((took / 10)).$((took % 10))
        holds "$seen" "$code" "$1" && return 0
        [ $((now - begun)) -lt 10000000000 ] || return 1
        read -rt 0.2 <> <(:) || true
    done
}
# row CASE WHEN RESULT: one line of the table.
row() {
    local said
    said=$(jq -r '[.state, (.reason // ""), (if .mining.enabled then "mines" else "does not mine" end),
        ([.hindrances[]? | .id + (if .blocks == [] then "" else "(" + (.blocks | join(",")) + ")" end)] | join(" "))]
        | join(" | ")' <<<"$seen")
    echo "| $1 | $2 | $said | $code | $took s | $3 |"
}
# step CASE WHEN FILTER: waits until the filter holds and prints what was seen.
step() { if until_holds "$3"; then row "$1" "$2" right; else row "$1" "$2" WRONG; failed=1; fi; }

declare -A offset=([-3h]=-3h [1970]=-$(($(date +%s) - 10)) [+3h]=+3h [+56y]=+56y [step+2d]=+2d [step-2d]=-2d)
stalled='.state == "stalled" and $ready == "503" and .mining.enabled == false and (.reason | test("clock")) and (.warnings | length) > 0'
held='.mining.enabled == false and (.warnings | length) > 0 and any(.hindrances[]; .id | test("clock"))'
synced='.state == "synced" and $ready == "200" and all(.hindrances[]; .blocks == [])'
mines="$synced and .mining.enabled"
# What a node with this clock should say, and once the clock is right.
during() {
    case "$1 $2" in
        *" -3h" | *" 1970" | *" step-2d") echo "$stalled" ;;
        "lone +3h") echo "$mines" ;; # nobody can tell it
        "newcomer "*) echo '.state == "synced" and (.warnings | length) > 0' ;;
        *) echo "$held" ;;
    esac
}
after() {
    case "$1 $2" in
        "lone +3h") echo "$stalled" ;; # its own blocks are an hour beyond the limit
        "newcomer "*) echo "$synced" ;;
        *) echo "$mines" ;;
    esac
}

try() {
    role=$1; local name=$2 at height
    at="$role $name"
    "$TUSSOCK_BIN" genesis new --name "$role" --block-time 2s --target-limit 1f0fffff --maturity 1 >"$work/$role.toml"
    rm -rf "$work"/{a,b,c,x}
    clock +0
    local flags=(--is-bootnode)
    if [ "$role" != lone ]; then
        start a --is-bootnode
        start b --connect "$(p2p a)"
        start c --connect "$(p2p a)" --connect "$(p2p b)"
        node a key new miner >/dev/null
        stop a
        start a --is-bootnode --connect "$(p2p b)" --mine "$(node a key show miner --json | jq -r .address)"
        node a wait height 5 --timeout 60 >/dev/null
        flags=(--connect "$(p2p a)" --connect "$(p2p b)" --connect "$(p2p c)")
    fi
    if [ "$role" != newcomer ]; then
        node x key new miner >/dev/null
        flags+=(--mine "$(node x key show miner --json | jq -r .address)")
        start x "${flags[@]}"
        node x wait height 5 --timeout 60 >/dev/null
    fi
    case $name in
        step*) [ "$role" = newcomer ] && { start x "${flags[@]}"; node x wait synced --timeout 30 >/dev/null; } ;;
        *) [ "$role" != newcomer ] && stop x ;;
    esac
    height=$(status a 2>/dev/null | jq '.height // 0')
    clock "${offset[$name]}"
    case $name in step*) ;; *) start x "${flags[@]}" ;; esac
    step "$at" wrong "$(during "$role" "$name")"
    # A while in which a wrong clock could do harm.
    [ "$name" = +56y ] && node x wait height 1000000 --timeout 15 >/dev/null 2>&1
    [ "$role $name" = "lone +3h" ] && node x wait height $(($(jq .height <<<"$seen") + 2)) --timeout 60 >/dev/null
    clock +0
    step "$at" "right again" "$(after "$role" "$name")"
    if [ "$role" != lone ]; then
        node x wait height $((height + 1)) --timeout 30 >/dev/null || { echo "$at: no block of the others came"; failed=1; }
        [ "$(status x | jq '.peers.inbound + .peers.outbound')" -ge 3 ] || { echo "$at: lost peers"; failed=1; }
    fi
    stop x
    node x verify --json >"$work/verify" 2>&1 || { echo "$at: $(cat "$work/verify")"; failed=1; }
    for other in a b c; do [ -n "${pids[$other]:-}" ] && stop "$other"; done
}

echo "| case | clock | state | reason | mining | hindrances (what they block) | readyz | after | |"
echo "|---|---|---|---|---|---|---|---|---|"
for role in lone four newcomer; do
    for name in -3h 1970 +3h +56y step+2d step-2d; do
        [ $# -eq 0 ] || [[ " $* " == *" $role "* || " $* " == *" $name "* ]] || continue
        [ $# -lt 2 ] || [[ " $* " == *" $role "* && " $* " == *" $name "* ]] || continue
        try "$role" "$name"
    done
done
exit "$failed"
