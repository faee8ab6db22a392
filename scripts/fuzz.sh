#!/usr/bin/env bash
# Fuzzes the parsers of remote input for longer than the tests do; prints the command that replays a finding.
#
#   scripts/fuzz.sh                     100,000 inputs for each target, from a new seed
#   scripts/fuzz.sh 1000000 blocks      a million for one target: frames, messages, links, agreements, headers, transactions,
#                                       blocks, http, json_rpc, configuration, chain_specification
#   TUSSOCK_FUZZ_SEED=7 scripts/fuzz.sh 1 blocks    replay one input
set -euo pipefail
cd "$(dirname "$0")/.."
export TUSSOCK_FUZZ_COUNT=${1:-100000}
export TUSSOCK_FUZZ_SEED=${TUSSOCK_FUZZ_SEED:-$(($(date +%s) * 1000))}
echo "seeds $TUSSOCK_FUZZ_SEED to $((TUSSOCK_FUZZ_SEED + TUSSOCK_FUZZ_COUNT - 1))"
exec cargo test ${FUZZ_PROFILE---release} --test all "fuzz::${2:-}"
