#!/bin/sh
# Runs simulated networks on all cores until one fails, and prints the command that replays it.
#
#   scripts/soak.sh                   1,000 seeds, from this commit's hash on
#   scripts/soak.sh 5000              5,000 seeds
#   scripts/soak.sh 5000 20000        5,000 from seed 20000 on
#   scripts/soak.sh 5000 a1b2c3d4     5,000 from this commit hash on
#
# SOAK_FLAGS adds flags to each run, such as "--nodes 20 --minutes 5".
set -eu
cd "$(dirname "$0")/.."
count=${1:-1000}
start=${2:-$(git rev-parse --short=8 HEAD 2>/dev/null || echo 20260101)}
case $start in
    *[!0-9]*) start=$((0x$(printf %.8s "$start"))) ;;
    ????????) [ -n "${2:-}" ] || start=$((0x$start)) ;;
esac
cargo build --release --quiet
binary=${CARGO_TARGET_DIR:-target}/release/tussock
cores=$(nproc 2>/dev/null || sysctl -n hw.ncpu)
log=$(mktemp -d)
trap 'kill $pids 2>/dev/null || true; rm -rf "$log"' EXIT INT TERM

# Each core takes every N-th hundred of the seeds, N being the number of cores.
worker() {
    at=$1
    while [ "$at" -lt "$count" ] && [ ! -e "$log/failed" ]; do
        batch=$((count - at < 100 ? count - at : 100))
        # shellcheck disable=SC2086 # flags are words
        if ! "$binary" simulate --seed $((start + at)) --seeds "$batch" ${SOAK_FLAGS:-} >"$log/$1" 2>&1; then
            mv "$log/$1" "$log/failed"
            return
        fi
        echo "$batch" >>"$log/passed"
        at=$((at + cores * 100))
    done
}

echo "seeds $start to $((start + count - 1)) on $cores cores"
began=$(date +%s)
pids=
core=0
while [ "$core" -lt "$cores" ]; do
    worker $((core * 100)) &
    pids="$pids $!"
    core=$((core + 1))
done
wait
seconds=$(($(date +%s) - began))
if [ -e "$log/failed" ]; then
    grep -v ' ok: ' "$log/failed"
    exit 1
fi
passed=$(awk '{ sum += $1 } END { print sum + 0 }' "$log/passed")
echo "$passed seeds hold, $seconds s"
