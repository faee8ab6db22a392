#!/usr/bin/env bash
# Tries tussock on other kinds of hosts, under emulation (qemu-user).
#
#   cross-test.sh TARGET…    aarch64, armv7 (32 bits), riscv64, x86_64: static, musl; s390x (big-endian): glibc
#
# For each TARGET: the tests of state digest, core, golden vectors and consensus; then the program beside a native one: the same
# ledger from the same seed, files of each verified by the other, sync, payments and blocks in both directions. With two TARGETs
# or more, a network of all of them and a native node follows: 200 blocks, payments, a partition, one digest.
#
# TUSSOCK_BIN: the native program (default: a release build of these sources). WITHOUT_TESTS=1: only the programs. SHIPPED=1:
# only the programs, those of scripts/dist.sh where qemu-user can run them. Needs what scripts/targets.sh says, and Debian's
# qemu-user-static; as root it installs them. A TARGET for which something is not here and cannot be installed is left out, and
# the exit code is 3 if all others pass. Nodes with the clocks of later years also want qemu-user and libfaketime.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/targets.sh
target_folder=${CARGO_TARGET_DIR:-$PWD/target}
built=$target_folder/cross
data=$(mktemp -d)
nodes=() clock= faketime=
trap 'stop_all; rm -rf "$data"' EXIT
passed=0 failed=0
only_programs=${WITHOUT_TESTS:-}${SHIPPED:-}

check() { # WHAT COMMAND…
  local what=$1
  shift
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); printf 'FAIL %s\n' "$what"; fi
}

# ---- Building. ----

# qemu-user (7.2 and 10.0 at least) takes away the wrong pages when a 32-bit guest shrinks a mapping by mremap, as dlmalloc
# does. Real hosts don't. So what is tried here shrinks by munmap.
keep_qemu_from_mremap() {
  cat >"$built/mremap.c" <<'C'
#define _GNU_SOURCE
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
void *mremap(void *old, size_t from, size_t to, int flags, ...) {
  if (to < from && !(flags & MREMAP_FIXED)) return munmap((char *)old + to, from - to) ? MAP_FAILED : old;
  va_list more; va_start(more, flags);
  void *at = flags & MREMAP_FIXED ? va_arg(more, void *) : 0;
  va_end(more);
  return (void *)syscall(SYS_mremap, old, from, to, flags, at);
}
C
  python -m ziglang cc -target arm-linux-musleabihf -O1 -c "$built/mremap.c" -o "$built/mremap.o"
  flags+=(--config "build.rustflags=[\"-Clink-arg=$built/mremap.o\"]")
}

# Builds program and tests in one go, with the profile that compiles quickest. Leaves a list: name, path.
build_for() { # TARGET
  local panic=panic_unwind,test shipped=$target_folder/shipped/tussock-$1
  mkdir -p "$built"
  if [ -n "${SHIPPED:-}" ] && [ -x "$shipped" ] && [ "$1" != armv7 ]; then
    printf 'program %s\n' "$shipped" >"$built/$1.list"
    return
  fi
  prepare_target "$1"
  in_time "${CARGO:-cargo}" fetch --quiet "${flags[@]}" || lack "the crates for $1, or the registry that has them"
  [ "$cpu" != arm ] || keep_qemu_from_mremap
  local what=(test --no-run --package tussock-core --package tussock-lthash --package tussock-noise --package tussock --lib --test all)
  [ -z "$only_programs" ] || what=(build --bin tussock)
  "${cargo[@]}" "${what[@]}" --quiet --release "${flags[@]}" --message-format json |
    python3 -c '
import json, sys
for line in sys.stdin:
    made = json.loads(line)
    if made.get("executable"):
        is_program = "bin" in made["target"]["kind"]
        print("program" if is_program else made["target"]["name"], made["executable"])' >"$built/$1.list"
}

# Sets `run`: how a program of the target is started, with the clock of the time in `clock` if there is one.
emulate() { # TARGET
  run=()
  [ "$1" != native ] || return 0
  name_target "$1"
  run=(nice "qemu-$cpu-static")
  [ -z "$clock" ] || run=(nice env "LD_PRELOAD=$faketime" FAKETIME_DONT_FAKE_MONOTONIC=1 "FAKETIME=@$clock" "qemu-$cpu")
  case $triple in *-gnu) run+=(-L "/usr/${triple/-unknown/}") ;; esac
}

# Sets `run`: `tussock` of a target, or `native`.
tussock_of() { # TARGET
  emulate "$1"
  case $1 in
    native) run+=("$native") ;;
    *) run+=("$(awk '$1 == "program" { print $2 }' "$built/$1.list")") ;;
  esac
}

on() { # TARGET ARGUMENTS…
  tussock_of "$1"
  shift
  "${run[@]}" "$@"
}

# ---- Tests. ----

run_tests() { # TARGET
  local name path filter
  while read -r name path; do
    case $name in
      tussock_core | tussock_lthash | tussock_noise) filter=() ;;
      all) filter=(vectors:: consensus::) ;;
      *) continue ;;
    esac
    emulate "$1"
    check "$1: tests of $name" "${run[@]}" "$path" --test-threads 2 --quiet ${filter[@]+"${filter[@]}"}
  done <"$built/$1.list"
}

# ---- Files. ----

facts() { # TARGET FOLDER: whether the ledger is right, its tip and digest
  on "$1" verify --deep -d "$2" --chain local --json 2>&1 |
    python3 -c 'import json, sys; it = json.load(sys.stdin); print(it["ok"], it["tip"], it["state_digest"])' 2>/dev/null
}

run_files() { # TARGET
  local make=(generate --blocks 200 --txs-per-block 5 --seed 7 --data-dir) mine theirs year memory
  on native "${make[@]}" "$data/native" >/dev/null
  on "$1" "${make[@]}" "$data/$1" >/dev/null
  mine=$(facts native "$data/native") theirs=$(facts "$1" "$data/$1")
  check "$1: a native ledger is right" test "${mine%% *}" = True
  check "$1: the same seed gives the same tip and digest" test "$mine" = "$theirs"
  check "$1: it verifies the native ledger" test "$(facts "$1" "$data/native")" = "$mine"
  check "$1: the native program verifies its ledger" test "$(facts native "$data/$1")" = "$mine"
  on native chain export "$data/native.blocks" -d "$data/native" --chain local >/dev/null 2>&1
  on "$1" chain export "$data/$1.blocks" -d "$data/$1" --chain local >/dev/null 2>&1
  check "$1: exported chains are equal" cmp "$data/native.blocks" "$data/$1.blocks"
  for year in 2040 2042 2106; do
    touch -d "$year-03-01" "$data/$1"/local/*
    check "$1: files of $year are opened" on "$1" verify -d "$data/$1" --chain local --json >/dev/null
  done
  for memory in 16 219 328 481 482 1024; do
    check "$1: --max-memory $memory starts" starts "$1" "$memory"
  done
  rm -rf "${data:?}/native" "${data:?}/$1"
}

# The emulator is given the clock, and the program asks the emulator. A static emulator cannot be given one.
run_clocks() { # TARGET
  local year
  name_target "$1"
  faketime=$(find /usr/lib -name libfaketimeMT.so.1 2>/dev/null | head -n 1)
  if [ -z "$faketime" ] || ! ldd "$(command -v "qemu-$cpu")" >/dev/null 2>&1; then
    printf '%s: clocks of later years: skipped, a dynamic qemu-%s or libfaketime is not here\n' "$1" "$cpu"
    return
  fi
  for year in 2040 2042 2106; do check "$1: a clock of $year is right" mines_in "$1" "$year"; done
}

mines_in() { # TARGET YEAR: whether a node whose clock shows that year makes a block of that year
  local made started=0
  clock="$2-03-01 12:00:00"
  start "$1" "$1-$2" || started=$?
  clock=
  [ "$started" = 0 ] || return 1
  ask "$1-$2" mine 1 >/dev/null && made=$(ask "$1-$2" block tip --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["time"])') &&
    [ "$(date -u -d "@$made" +%Y)" = "$2" ] && stop_node "$1-$2"
}

starts() { # TARGET MIB
  start "$1" "$1-$2" --max-memory "$2" && stop_node "$1-$2"
}

# ---- Nodes. ----

start() { # TARGET NAME FLAGS…
  local target=$1 name=$2
  shift 2
  tussock_of "$target"
  "${run[@]}" run -d "$data/$name" --chain local --listen 127.0.0.1:0 --http 127.0.0.1:0 --quiet --is-bootnode "$@" \
    >"$data/$name.log" 2>&1 &
  nodes+=("$name:$target:$!")
  ask "$name" wait ready --timeout 120 >/dev/null || { tail -3 "$data/$name.log"; return 1; }
}

# A command for a node, by the native program: it is quicker, and the node is what is tried.
ask() { # NAME ARGUMENTS…
  local name=$1
  shift
  on native -d "$data/$name" --chain local "$@"
}

stop_node() { # NAME
  local at kept=() node
  for node in "${nodes[@]}"; do
    if [ "${node%%:*}" = "$1" ]; then at=${node##*:}; else kept+=("$node"); fi
  done
  nodes=(${kept[@]+"${kept[@]}"})
  ask "$1" stop --timeout 60 >/dev/null && wait "$at"
}

stop_all() {
  local node
  for node in ${nodes[@]+"${nodes[@]}"}; do kill "${node##*:}" 2>/dev/null || true; done
  wait
}

address() { # NAME
  sed -E 's/.*"p2p":"([^"]+)".*/\1/' "$data/$1/local/endpoints.json"
}

# On a busy host an emulated node may take longer to answer than a command waits.
field() { # NAME KEY
  local try answer
  for try in 1 2 3 4 5 6; do
    if answer=$(ask "$1" status --json 2>/dev/null); then
      python3 -c "import json, sys; print(json.load(sys.stdin)['$2'])" <<<"$answer"
      return
    fi
  done
  complain "$1 does not answer"
}

agree() { # NAME…: waits until all have the first one's height, then compares
  local height digest name
  height=$(field "$1" height) digest=$(field "$1" state_digest)
  for name; do
    ask "$name" wait height "$height" --timeout 300 >/dev/null || return 1
    [ "$(field "$name" state_digest)" = "$digest" ] || return 1
  done
}

pay() { # FROM-NODE TO-NODE KEY: confirmed on the other node by a block of the other node
  local to id
  to=$(ask "$2" key new "from-$1-$RANDOM") || return 1
  id=$(ask "$1" send "$to" 1000 --from "$3" --json | python3 -c 'import json, sys; it = json.load(sys.stdin); print(it.get("txid") or it["id"])') || return 1
  ask "$2" wait tx "$id" --confirmations 0 --timeout 120 >/dev/null 2>&1 || true
  ask "$2" mine 1 >/dev/null && ask "$1" wait tx "$id" --timeout 120 >/dev/null && agree "$1" "$2"
}

run_nodes() { # TARGET
  on native generate --blocks 300 --txs-per-block 5 --seed 9 --data-dir "$data/a" >/dev/null
  start native a
  start "$1" b --connect "$(address a)"
  check "$1: it syncs 300 blocks of a native node" agree a b
  check "$1: a native payment is confirmed by its block" pay a b dev1
  check "$1: its payment is confirmed by a native block" pay b a dev2
  start native c --connect "$(address b)"
  check "$1: a native node syncs from it" agree b c
  check "$1: all stop with 0" eval 'stop_node c && stop_node b && stop_node a'
  rm -rf "${data:?}"/[abc]
}

# ---- A network of all. ----

run_network() { # TARGET…
  local names=(native "$@") name round left right others=()
  for name in "${names[@]}"; do
    start "$name" "$name" ${others[@]+"${others[@]}"}
    others+=(--connect "$(address "$name")")
  done
  for round in $(seq 0 19); do
    name=${names[round % ${#names[@]}]}
    ask "$name" send "dev$((round % 5 + 1))" $((round + 1)) --from dev0 >/dev/null || true
    ask "$name" mine 8 --to dev0 >/dev/null || return 1
    agree "$name" "${names[@]}" || return 1
  done
  check 'network: 160 blocks of all nodes in turn, one digest' agree "${names[@]}"
  # The last node is cut off from all others.
  left=native right=${names[-1]} others=()
  for name in "${names[@]}"; do
    if [ "$name" != "$right" ]; then
      others+=("$(address "$name")")
      ask "$name" net deny "$(address "$right")" >/dev/null
    fi
  done
  ask "$right" net deny "${others[@]}" >/dev/null
  ask "$right" mine 15 >/dev/null
  ask "$left" mine 40 >/dev/null
  check 'network: the two sides differ while they are apart' test "$(field "$right" height)" = 175
  for name in "${names[@]}"; do ask "$name" net allow >/dev/null; done
  check 'network: healed, 200 blocks, one digest' agree "${names[@]}"
  check 'network: the height is 200' test "$(field "$right" height)" = 200
  for name in "${names[@]}"; do check "network: $name stops with 0" stop_node "$name"; done
}

# ---- All of it. ----

[ $# != 0 ] || complain 'which TARGET? aarch64, armv7, riscv64, x86_64, s390x'
for target; do name_target "$target"; done
install_packages qemu-user-static || lack 'qemu-user-static'
install_packages qemu-user libfaketime || true
native=${TUSSOCK_BIN:-$target_folder/release/tussock}
[ -n "${TUSSOCK_BIN:-}" ] || cargo build --quiet --locked --release --bin tussock
built_for=()
for target; do
  status=0
  (build_for "$target") || status=$?
  case $status in
    0) built_for+=("$target") ;;
    3) printf '%s: left out\n' "$target" ;;
    *) exit "$status" ;;
  esac
done
for target in ${built_for[@]+"${built_for[@]}"}; do
  [ -n "$only_programs" ] || run_tests "$target"
  run_files "$target"
  run_clocks "$target"
  run_nodes "$target"
done
[ ${#built_for[@]} -lt 2 ] || run_network "${built_for[@]}"
printf '%s passed, %s failed, %s of %s targets left out\n' "$passed" "$failed" $(($# - ${#built_for[@]})) $#
[ "$failed" = 0 ] || exit 1
[ ${#built_for[@]} = $# ] || exit 3
