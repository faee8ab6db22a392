#!/usr/bin/env bash
# Kills nodes at every write, fills and breaks their disks, and looks at what is left. Prints a table; see usage below.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin=${TUSSOCK_BIN:-${CARGO_TARGET_DIR:-$root/target}/release/tussock}
export -n TUSSOCK_BIN TUSSOCK_DURABILITY_DIR DURABILITY_NAMESPACE

usage() {
  cat <<'TEXT'
usage: scripts/durability.sh [--quick] [--from N=1] [--writes N=300] [--random N=40] [--flips N=120] [--seed S=1] [--jobs J=2] [--deadline S=60] [CASE...]
  kill-sync       kill -9 at the K-th write to the ledger, K = 1...N, of a node that syncs
  kill-reorg      the same of a node that leaves its branch of 120 blocks for another, which it has stored
  kill-branch     every fifth write of the node that stores that other branch
  kill-mine       every third write of a node that mines block after block
  kill-large      kill -9 at writes to the database itself, of a node whose log becomes so long in a sync that it is moved
  kill-join       kill -9 at each write to the ledger, and at each to the files of snapshots, of a node that joins with a snapshot
  kill-prune      kill -9 at each write of a node that prunes the ledger which it has (--keep)
  kill-snapshot   kill -9 at each write to the files of a snapshot that a node makes
  kill-history    kill -9 at each write to the ledger, and at each to the second ledger, of a joined node that verifies its past
  kill-random     kill -9 at random moments: in a sync, in a reorganisation, while blocks are mined
  disk-full       a disk too small for the ledger, and writes that fail with "no space left"
  disk-error      writes, reads and fsync that fail with an I/O error
  read-only       a file system that is read-only from the start, or becomes so
  flipped-bits    one bit of one database page is changed
Each kill in a sync or a reorganisation is followed by a second one while the node recovers. After each case the exit
code must be one of the contract, `tussock verify --deep` must pass or name the damage, no block may be missing that the
node had committed and told of, and the node must reach the tip when the disk is well.
Needs bash, awk, od and GNU timeout; strace for everything at the K-th call; root or user namespaces for small and
read-only disks. What this host cannot do is named and left out.
--quick: a few of each; --from: the first write; --jobs: cases at a time; --deadline: seconds for each run. Interrupted, it ends with what it has counted.
In the table, "ran-out" are runs that ended before the call or the moment in question, "harmless" are bits that no row
uses, "returned" are nodes that reached the tip afterwards. TUSSOCK_DURABILITY_DIR: make the ledgers there. Exit codes: 0 all held, 1 something did not, 2 usage. TUSSOCK_BIN: use this binary.
TEXT
}

say() { printf '%s\n' "$*"; }
fail() { local code=$1; shift; printf 'durability: %s\n' "$*" >&2; exit "$code"; }

given=("$@")
# deadline: seconds that any one run may take; beyond it counts as hung.
from=1 writes=300 random=40 flips=120 seed=1 jobs=2 deadline=60 blocks=160 step=1 cases=()
while [ $# -gt 0 ]; do
  case $1 in
    --quick) writes=300 step=40 random=6 flips=12; shift ;;
    --from | --writes | --random | --flips | --seed | --jobs | --deadline)
      [[ ${2:-} =~ ^[0-9]+$ ]] || fail 2 "$1 needs a number"
      printf -v "${1#--}" %s "$2"; shift 2 ;;
    -h | --help | help) usage; exit 0 ;;
    kill-sync | kill-reorg | kill-branch | kill-mine | kill-large | kill-join | kill-prune | kill-snapshot | kill-history | kill-random | disk-full | disk-error | read-only | flipped-bits) cases+=("$1"); shift ;;
    *) usage >&2; exit 2 ;;
  esac
done
[ ${#cases[@]} -gt 0 ] || cases=(kill-sync kill-reorg kill-branch kill-mine kill-large kill-join kill-prune kill-snapshot kill-history kill-random disk-full disk-error read-only flipped-bits)

declare -A count=()
failures=0 skipped=0 case_name=setup scratch=
# Settings of the node that is run; a case has its own.
extra=()
add() { local key="$case_name/$1"; count[$key]=$((${count[$key]:-0} + ${2:-1})); }

skip() { say "left out: $*"; skipped=$((skipped + 1)); }

# Something that must not be. The folder is kept.
bad() {
  failures=$((failures + 1))
  say "FAILED $case_name: $*"
  sed 's/^/    /' "$scratch/${dir##*/}.err" 2>/dev/null | tail -n 3
  [ -d "$dir" ] && cp -r "$dir" "$scratch/failed-$failures" && say "    kept: $scratch/failed-$failures"
  return 0
}

on() { local at=$1; shift; "$bin" -d "$at" --chain "$work/chain.toml" "$@"; }
# A value of one-line JSON on standard input: number or string, by key.
field() { tr -d '\n' | sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\).*/\1/p"; }

# ---- Nodes ----

# Runs a node on $dir until it ends; `client` (a function) talks to it meanwhile. The rest is what the node runs under.
# Sets $code.
run_node() {
  local client=$1 runner talker
  shift
  rm -f "$dir/durability/endpoints.json"
  timeout --foreground -k 5 "$deadline" "$@" "$bin" -d "$dir" --chain "$work/chain.toml" run --listen 127.0.0.1:0 --http 127.0.0.1:0 --quiet \
    --max-outbound 0 --log info,ledger=debug ${provider:+--connect "$provider"} "${extra[@]}" >/dev/null 2>"$scratch/${dir##*/}.err" </dev/null &
  runner=$!
  # A process group of its own, so that all of it ends with the node.
  set -m
  { on "$dir" wait ready --timeout "$deadline" && "$client"; } >/dev/null 2>&1 </dev/null &
  talker=$!
  set +m
  { wait "$runner"; code=$?; kill -TERM -- "-$talker"; wait "$talker"; } 2>/dev/null
  [ "$code" != 124 ] || { bad "the node neither ended nor got there in $deadline s"; end_node "$dir"; }
}

# Ends a node that we started in this folder, should it still run.
end_node() {
  local pid
  pid=$(field pid <"$1/durability/lock" 2>/dev/null)
  [ -n "$pid" ] && ps -o args= -p "$pid" 2>/dev/null | grep -qF -- "-d $1 " && kill -KILL "$pid" 2>/dev/null
  return 0
}

# Clients.
reach_the_tip() { on "$dir" wait height "$goal" --timeout "$deadline" && on "$dir" stop; }
mine_and_note() {
  local n hash
  for n in $(seq 1 60); do
    hash=$(on "$dir" mine 1 --json | tr -d '[]" \n') || return
    [ -n "$hash" ] && printf '%s\n' "$hash" >>"$dir/acknowledged"
  done
  on "$dir" stop
}

# Injects a fault into system calls on the ledger's own files, or on that file alone: `traced WHAT [FILE]`, as strace's -e
# inject. Calls are counted in each thread: few are made when the ledger is opened, all others by the ledger's own thread
# and the one that moves its log. (Not with --seccomp-bpf:
# strace 6.1 then injects nothing into other threads than the first.)
traced() {
  local call=${1%%:*} file paths=()
  # shellcheck disable=SC2086 # words
  for file in ${2:-ledger.db ledger.db-wal ledger.db-shm}; do paths+=(-P "$dir/durability/$file"); done
  strace_prefix=(strace -f -qq -o "$dir/trace" -e "trace=$call" -e signal=none "${paths[@]}" -e "inject=$1")
}

# A copy of a prepared data directory, without logs.
prepare() {
  rm -rf "$dir"
  cp -r "$1" "$dir"
  rm -rf "$dir/durability/logs"
}

# The log of the last run in one line: the height and tip committed last, and whether its end lies inside a commit, a
# reorganisation (until it is committed), a recovery.
read_log() {
  local log="$dir/durability/logs/tussock.log"
  read -r told_height told_tip in_commit in_reorg checking < <(awk '
    function value(name,  at) { at = index($0, name "="); return substr($0, at + length(name) + 1) }
    / committing: /   { commit = 1 }
    / committed: /    { commit = reorg = 0; split(value("height"), h, " "); split(value("tip"), t, " "); height = h[1]; tip = t[1] }
    / reorganising: / { reorg = 1 }
    / reorganisation refused: / { reorg = 0 }
    /checking after an unclean stop/ { checking = 1 }
    /store: checked/  { checking = 2 }
    END { print height + 0, tip == "" ? "-" : tip, commit + 0, reorg + 0, checking + 0 }' "$log" 2>/dev/null || say "0 - 0 0 0")
}

# Whether the ledger can be replayed and holds what was told. `also`: words that a report of damage may have.
check_ledger() {
  local report verify_code height tip
  report=$(on "$dir" verify --deep --json 2>"$scratch/${dir##*/}.err")
  verify_code=$?
  if [ "$verify_code" != 0 ]; then
    bad "verify --deep: exit $verify_code $1"
    return 1
  fi
  add verified
  height=$(field height <<<"$report") tip=$(field tip <<<"$report")
  if [ "$height" -lt "$told_height" ] || { [ "$height" = "$told_height" ] && [ "$told_tip" != - ] && [ "$tip" != "$told_tip" ]; }; then
    add lost
    bad "height $height tip $tip, but $told_height $told_tip was told $1"
  fi
}

# With the disk well again the node starts, reaches the provider's tip, stops, and its ledger is the provider's.
check_return() {
  local report
  run_node "${2:-reach_the_tip}"
  if [ "$code" != 0 ]; then
    bad "did not return: exit $code $1"
    return
  fi
  report=$(on "$dir" verify --deep --json 2>"$scratch/${dir##*/}.err")
  if [ "$(field tip <<<"$report")" = "$goal_tip" ] && [ "$(field state_digest <<<"$report")" = "$goal_digest" ]; then
    add returned
  else
    bad "another ledger after the return $1: $report"
  fi
}

# The node must have ended by itself with code 10 and one line.
check_refusal() {
  add "exit-$code"
  if [ "$code" != 10 ] || [ "$(grep -c . "$scratch/${dir##*/}.err")" != 1 ] || ! grep -q '^error: ' "$scratch/${dir##*/}.err"; then
    bad "exit $code instead of 10 and one line $1"
  fi
}

# ---- Kills ----

# A kill at this write (to that file), a second one while the node recovers from it, and what is left.
kill_twice() {
  local point=$1 template=$2 client=$3 hits=0
  dir=$scratch/node
  prepare "$template"
  traced "pwrite64:signal=SIGKILL:when=$point" ${4:+"$4"}
  run_node "$client" "${strace_prefix[@]}"
  add runs
  read_log
  case $code in
    137) add kills; hits=1 ;;
    0) add ran-out ;; # fewer writes than that
    *) bad "exit $code at write $point" ;;
  esac
  if [ "$hits" = 1 ]; then
    add in-commit "$in_commit"
    add in-reorg "$in_reorg"
    recovery_kill $((1 + point * 7 % 97)) "$client"
  fi
  check_ledger "after write $point"
}

# Kills a start at the read of the ledger's files with this number. What the log of the first run told stays told.
recovery_kill() {
  local first_height=$told_height first_tip=$told_tip
  # Without a log to play back there is nothing to recover.
  [ -s "$dir/durability/ledger.db-wal" ] || return 0
  rm -rf "$dir/durability/logs"
  traced "pread64:signal=SIGKILL:when=$1"
  run_node "$2" "${strace_prefix[@]}"
  read_log
  if [ "$code" = 137 ]; then
    add kills
    # Before the check, SQLite plays the log back; after it, the node runs.
    if [ "$checking" != 2 ]; then add in-recovery; else add in-commit "$in_commit"; add in-reorg "$in_reorg"; fi
  elif [ "$code" != 0 ]; then
    bad "exit $code in recovery at read $1"
  fi
  [ "$told_height" -ge "$first_height" ] && [ "$told_tip" != - ] || told_height=$first_height told_tip=$first_tip
}

# Every so-manieth write, from the first on.
kill_at_writes() {
  local every=$1 point
  shift
  [ -n "$strace" ] || { skip "$case_name: no usable strace"; return; }
  for point in $(seq "$from" $((every * step)) "$writes"); do
    kill_twice "$point" "$@"
    if [ -n "$provider" ]; then check_return "after write $point"; else check_mined; fi
  done
}

case_kill_sync() { kill_at_writes 1 "$work/new" reach_the_tip; }
case_kill_branch() { kill_at_writes 5 "$work/branch" reach_the_tip; }
case_kill_reorg() { kill_at_writes 1 "$work/staged" reach_the_tip; }
case_kill_mine() { provider='' kill_at_writes 3 "$work/ahead" mine_and_note; }

case_kill_large() {
  local point
  [ -n "$strace" ] || { skip "kill-large: no usable strace"; return; }
  on "$scratch/large" generate --blocks 60 --txs-per-block 500 --seed 3 >/dev/null || { bad "cannot generate a ledger"; return; }
  aim_at "$scratch/large"
  provide "$scratch/large"
  for point in $(seq 1 $((48 * step)) 2400); do
    kill_twice "$point" "$work/new" reach_the_tip ledger.db
    check_return "after write $point to the database"
  done
  kill "$provider_pid" 2>/dev/null
}

# ---- Kills of joins, of pruning and of snapshots ----

# The files of a snapshot that is fetched or made, as `traced` takes them.
snapshot_files() {
  local name
  for name in {staging,writing}.{coins,manifest,checks} {50,100,150}.{coins,manifest}; do printf 'snapshots/%s\n' "$name"; done
}

# Asks until this command succeeds, or the time is over. It polls: a file that shrinks and a node that may be killed at any
# moment tell nobody of an event.
until_true() {
  local ends=$((SECONDS + deadline))
  until "$@" 2>/dev/null; do
    [ "$SECONDS" -lt "$ends" ] || return 1
    sleep 0.05
  done
}

# A kill at the write with this number by that call, and what is left: the rest is the call's files. Then the node goes on until
# its client is content.
kill_and_go_on() {
  local what=$1 point=$2 template=$3 client=$4
  shift 4
  dir=$scratch/node
  prepare "$template"
  traced "$what:signal=SIGKILL:when=$point" "$*"
  run_node "$client" "${strace_prefix[@]}"
  add runs
  case $code in
    137) add kills ;;
    0) add ran-out ;; # fewer writes than that
    *) bad "exit $code at $what $point" ;;
  esac
  # While it joins, its headers alone were told of.
  told_height=0 told_tip=-
  check_ledger "after $what $point"
  [ "$code" = 0 ] || check_return "after $what $point" "$client"
}

# A node from which others join. False: there is none, which was said.
give_snapshots() {
  [ -n "$strace" ] || { skip "$case_name: no usable strace"; return 1; }
  cp -r "$work/ahead" "$scratch/giver"
  extra=() provide "$scratch/giver" --serve-snapshots --snapshot-interval 50
  until_true test -s "$scratch/giver/durability/snapshots/150.manifest" || { bad "no snapshot is made"; return 1; }
}

case_kill_join() {
  local point extra=(--join snapshot --join-depth 5)
  give_snapshots || return 0
  for point in $(seq "$from" "$step" "$writes"); do
    kill_and_go_on pwrite64 "$point" "$work/new" reach_the_tip ledger.db ledger.db-wal ledger.db-shm
    # shellcheck disable=SC2046 # names without blanks
    kill_and_go_on write "$point" "$work/new" reach_the_tip $(snapshot_files)
    joined=$(on "$dir" verify --json 2>/dev/null | field kept_from)
    [ "$joined" = 151 ] || bad "it did not join: its blocks are kept from $joined on"
  done
  kill "$provider_pid" 2>/dev/null
}

# All but the last hundred of 600 blocks are gone, and some of their room is given back.
# Once the blocks are gone the node gives their pages back, a few at a time: a kill there counts as well.
reach_pruned() { until_true is_pruned && until_true has_shrunk && on "$dir" stop; }
has_shrunk() {
  local before
  before=$(stat -c %s "$dir/durability/ledger.db")
  # Pages are given back some at a time. That no more follow is seen only by looking again.
  sleep 0.5
  [ "$(stat -c %s "$dir/durability/ledger.db")" = "$before" ]
}
is_pruned() { [ "$(on "$dir" status --json | field kept_from)" = 501 ]; }

case_kill_prune() {
  local point extra=(--keep 1GB)
  [ -n "$strace" ] || { skip "$case_name: no usable strace"; return; }
  # A ledger that gives room back is made by a sync with --keep, here with one that keeps all.
  on "$scratch/long" generate --blocks 600 --txs-per-block 10 --seed 4 >/dev/null || { bad "cannot generate a ledger"; return; }
  aim_at "$scratch/long"
  extra=() provide "$scratch/long"
  dir=$scratch/whole
  mkdir -p "$dir"
  run_node reach_the_tip
  [ "$code" = 0 ] || bad "it did not sync: exit $code"
  kill "$provider_pid" 2>/dev/null
  provider='' extra=(--keep 100)
  for point in $(seq "$from" "$step" "$writes"); do
    kill_and_go_on pwrite64 "$point" "$scratch/whole" reach_pruned ledger.db ledger.db-wal ledger.db-shm
  done
}

# The snapshot is there.
reach_snapshot() { until_true test -s "$dir/durability/snapshots/150.manifest" && on "$dir" stop; }

case_kill_snapshot() {
  local point name provider='' extra=(--serve-snapshots --snapshot-interval 50)
  [ -n "$strace" ] || { skip "$case_name: no usable strace"; return; }
  dir=$scratch/whole
  prepare "$work/ahead"
  run_node reach_snapshot
  for point in $(seq "$from" "$step" "$writes"); do
    # shellcheck disable=SC2046 # names without blanks
    kill_and_go_on write "$point" "$work/ahead" reach_snapshot $(snapshot_files)
    # What is in them is decided by the coins alone.
    for name in 150.coins 150.manifest; do
      cmp -s "$scratch/whole/durability/snapshots/$name" "$dir/durability/snapshots/$name" || bad "another $name after write $point"
    done
  done
}

# It has verified its past, and has all blocks.
reach_whole() { until_true has_kept_all && on "$dir" stop; }
has_kept_all() { [ "$(on "$dir" status --json | field kept_from)" = 1 ]; }

case_kill_history() {
  local point extra=(--join snapshot --join-depth 5)
  give_snapshots || return 0
  dir=$scratch/joined
  prepare "$work/new"
  run_node reach_the_tip
  [ "$(on "$dir" verify --json 2>/dev/null | field kept_from)" = 151 ] || { bad "it did not join"; return; }
  extra=(--history)
  for point in $(seq "$from" "$step" "$writes"); do
    kill_and_go_on pwrite64 "$point" "$scratch/joined" reach_whole ledger.db ledger.db-wal ledger.db-shm
    kill_and_go_on pwrite64 "$point" "$scratch/joined" reach_whole history/ledger.db history/ledger.db-wal history/ledger.db-shm
    [ ! -e "$dir/durability/history" ] || bad "the second ledger is still there after write $point to it"
  done
  kill "$provider_pid" 2>/dev/null
}

# After a random time. `timeout` itself is the one that kills.
kill_at_random() {
  local what=$1 template=$2 client=$3 most=$4 delay
  printf -v delay '0.%03d' $((50 + RANDOM % most))
  prepare "$template"
  run_node "$client" timeout --foreground -s KILL "$delay"
  add runs
  read_log
  case $code in
    137) add kills; add in-commit "$in_commit"; add in-reorg "$in_reorg" ;;
    0) add ran-out ;;
    *) bad "exit $code in a $what after $delay s" ;;
  esac
  check_ledger "in a $what after $delay s"
}

case_kill_random() {
  local n missing
  dir=$scratch/node
  for n in $(seq 1 "$random"); do
    kill_at_random sync "$work/new" reach_the_tip 600
    check_return "in a sync"
    kill_at_random reorganisation "$work/branch" reach_the_tip 600
    check_return "in a reorganisation"
    provider='' kill_at_random "run of the miner" "$work/ahead" mine_and_note 600
    check_mined
  done
}

# Each block whose hash `tussock mine` has printed is there.
check_mined() {
  local hash found
  for hash in $(cat "$dir/acknowledged" 2>/dev/null); do
    found=$(on "$dir" sql "SELECT count(*) AS found FROM v_blocks WHERE hash = '$hash'" --json 2>"$scratch/${dir##*/}.err" | field found)
    [ "$found" = 1 ] || { add lost; bad "block $hash had been acknowledged"; }
    add acknowledged
  done
}

# ---- Failing disks ----

# From the call with this number on, what strace's -e inject says: the node must end by itself, and lose nothing.
fail_from() {
  local what=$1 point=$2 template=$3 client=$4
  dir=$scratch/node
  prepare "$template"
  traced "$what:when=$point"
  run_node "$client" "${strace_prefix[@]}"
  add runs
  if [ "$code" = 0 ]; then add ran-out; else check_refusal "$what from call $point"; fi
  read_log
  check_ledger "$what from call $point"
}

# A disk with so many KiB more room than the ledger needs at first.
small_disk() {
  local extra=$1 used
  dir=$scratch/disk/node
  mount -t tmpfs -o size=64m tmpfs "$scratch/disk"
  prepare "$work/new"
  used=$(du -sk "$scratch/disk" | cut -f 1)
  mount -o "remount,size=$((used + extra))k" "$scratch/disk"
  run_node reach_the_tip
  add runs
  if [ "$code" = 0 ]; then add ran-out; else check_refusal "$extra KiB of room"; fi
  # Whether it can be checked on a full disk or not, it must not fail in any other way.
  on "$dir" verify --deep >/dev/null 2>"$scratch/${dir##*/}.err"
  case $? in 0 | 10) ;; *) bad "verify on the full disk: exit $? with $extra KiB of room" ;; esac
  mount -o remount,size=64m "$scratch/disk"
  read_log
  check_ledger "$extra KiB of room"
  check_return "$extra KiB of room"
  umount "$scratch/disk"
}

case_disk_full() {
  local extra point
  if [ -n "$mounts" ]; then
    for extra in $(seq 0 $((25 * step)) 1200); do small_disk "$extra"; done
  else
    skip "disk-full: no small file system can be mounted (root or user namespaces are needed)"
  fi
  [ -n "$strace" ] || { skip "disk-full at the K-th write: no usable strace"; return; }
  for point in $(seq 1 $((5 * step)) 300); do
    fail_from pwrite64:error=ENOSPC "$point+" "$work/new" reach_the_tip
    check_return "no space from write $point"
  done
}

case_disk_error() {
  local point
  [ -n "$strace" ] || { skip "disk-error: no usable strace"; return; }
  for point in $(seq 1 $((9 * step)) 300); do
    fail_from pwrite64:error=EIO "$point+" "$work/branch" reach_the_tip
    check_return "I/O error from write $point"
    # Once only: nothing may be tried again on a handle that failed.
    fail_from pwrite64:error=EIO "$point" "$work/branch" reach_the_tip
    fail_from pread64:error=EIO "$point+" "$work/branch" reach_the_tip
    check_return "I/O error from read $point"
  done
  for point in $(seq 1 "$((step > 4 ? 4 : step))" 20); do
    provider='' fail_from fsync,fdatasync:error=EIO "$point+" "$work/ahead" mine_and_note
    check_mined
    provider='' fail_from fsync,fdatasync:error=EIO "$point" "$work/ahead" mine_and_note
    check_mined
  done
}

case_read_only() {
  local point template
  if [ -n "$mounts" ]; then
    dir=$scratch/disk/node
    mount -t tmpfs -o size=64m tmpfs "$scratch/disk"
    # Closed in order, and as a kill leaves it.
    for template in new killed; do
      prepare "$work/$template"
      mount -o remount,ro "$scratch/disk"
      run_read_only
      mount -o remount,rw "$scratch/disk"
      told_height=0 told_tip=-
      check_ledger "read-only from the start"
      check_return "read-only from the start"
    done
    umount "$scratch/disk"
  else
    skip "read-only: no file system can be mounted (root or user namespaces are needed)"
  fi
  [ -n "$strace" ] || { skip "read-only at the K-th write: no usable strace"; return; }
  for point in $(seq 1 $((15 * step)) 300); do
    fail_from pwrite64:error=EROFS "$point+" "$work/new" reach_the_tip
    check_return "read-only from write $point"
  done
}

# Commands on a read-only disk.
run_read_only() {
  local command
  for command in "run --listen 127.0.0.1:0 --no-http --quiet" "verify --deep"; do
    # shellcheck disable=SC2086 # words
    timeout "$deadline" "$bin" -d "$dir" --chain "$work/chain.toml" $command >/dev/null 2>"$scratch/${dir##*/}.err" </dev/null
    code=$?
    add runs
    case $command:$code in
      verify*:0) ;;
      *) check_refusal "$command on a read-only disk" ;;
    esac
  done
}

# ---- Damage ----

# Changes one bit of one byte of a file.
flip() {
  local file=$1 at=$2 bit=$3 byte
  byte=$(od -An -tu1 -j "$at" -N 1 "$file")
  printf "\\x$(printf %02x $((byte ^ (1 << bit))))" | dd of="$file" bs=1 seek="$at" conv=notrunc status=none
}

# The client of a node with a damaged ledger: lets it follow the chain, and a newcomer fetch everything from it.
get_on_and_serve() {
  local damaged=$dir
  on "$damaged" wait height "$goal" --timeout 20 && : >"$damaged/got-on"
  provider=$(endpoint "$damaged") dir=$scratch/newcomer deadline=20 run_node reach_the_tip
  on "$damaged" stop
}

# What the node in this folder says against another. Strangers from other networks on this host do not count, nor does
# it that somebody was slow, or ended in the middle.
find_blame() {
  grep -hE 'fault=|banned|refused|is invalid' "$1/durability/logs/tussock.log" 2>/dev/null |
    grep -vE 'wrong magic|stalls the download|no progress|timed out' >"$dir/blame"
}

# A node with a damaged ledger must notice, or not need what is damaged; it must blame nobody else, and give nobody a
# reason to blame it.
run_damaged() {
  local what=$1
  rm -rf "$scratch/newcomer"
  cp -r "$work/new" "$scratch/newcomer"
  run_node get_on_and_serve
  end_node "$scratch/newcomer"
  case $code in
    0) [ -e "$dir/got-on" ] && add returned || bad "neither noticed nor got on, $what" ;;
    9) add exit-9 ;;
    *) check_refusal "$what" ;;
  esac
  ! find_blame "$dir" || bad "blamed others, $what: $(head -n 1 "$dir/blame")"
  ! find_blame "$scratch/newcomer" || bad "served what is wrong, $what: $(head -n 1 "$dir/blame")"
}

case_flipped_bits() {
  local n file at bit verify_code size
  for n in $(seq 1 "$flips"); do
    dir=$scratch/node
    prepare "$work/part"
    file=$dir/durability/ledger.db
    size=$(wc -c <"$file")
    at=$(((RANDOM * 32768 + RANDOM) % size)) bit=$((RANDOM % 8))
    flip "$file" "$at" "$bit"
    add runs
    on "$dir" verify --deep --json >"$dir/report" 2>"$scratch/${dir##*/}.err"
    verify_code=$?
    case $verify_code in
      0)
        # A byte that no row uses: what is in the ledger must be what was.
        if [ "$(field state_digest <"$dir/report")" = "$part_digest" ] && [ "$(on "$dir" chain export - 2>/dev/null | cksum)" = "$part_export" ]; then
          add harmless
        else
          bad "bit $bit of byte $at was not noticed"
        fi
        ;;
      1 | 9 | 10) add named; [ "$(grep -c '^error: ' "$scratch/${dir##*/}.err")" = 1 ] || bad "no one line for bit $bit of byte $at" ;;
      *) bad "verify --deep: exit $verify_code for bit $bit of byte $at" ;;
    esac
    run_damaged "bit $bit of byte $at (page $((at / 4096 + 1)))"
  done
}

# ---- All of it ----

endpoint() { field p2p <"$1/durability/endpoints.json"; }

cleanup() {
  [ -z "${provider_pid:-}" ] || kill "$provider_pid" 2>/dev/null
  if [ "$failures" = 0 ]; then rm -rf "$work"; fi
}

# A chain of this run's own: a node of another run, or of another program's, that comes to listen on the port of a dead
# one is then a stranger.
make_chain() {
  local n fund=()
  for n in 0 1 2 3 4; do
    fund+=(--fund "$("$bin" -d "$work/keys" key show "dev$n" --json | field address)=100000000000")
  done
  "$bin" genesis new --name durability --test --target-limit 1f3fffff --block-time 5s \
    --time $(($(date +%s) - 2000000 - $$ % 100000)) "${fund[@]}" >"$work/chain.toml" || fail 1 "cannot make a chain"
}

# What nodes are to reach: the end of this ledger.
aim_at() {
  local report
  report=$(on "$1" verify --deep --json) || fail 1 "the generated ledger is not valid"
  goal=$(field height <<<"$report") goal_tip=$(field tip <<<"$report") goal_digest=$(field state_digest <<<"$report")
}

# Starts the node of this folder, from which others sync, with further settings.
provide() {
  "$bin" -d "$1" --chain "$work/chain.toml" run --listen 127.0.0.1:0 --no-http --quiet --max-outbound 0 "${@:2}" >/dev/null 2>"$1/err" </dev/null &
  provider_pid=$!
  until [ -s "$1/durability/endpoints.json" ]; do
    kill -0 "$provider_pid" 2>/dev/null || fail 1 "the provider does not start: $(cat "$1/err")"
    on "$1" wait ready --timeout 1 >/dev/null 2>&1
  done
  provider=$(endpoint "$1")
}

setup() {
  local point
  scratch=$work
  say "preparing ledgers in $work"
  make_chain
  on "$work/ahead" generate --blocks "$blocks" --txs-per-block 30 --seed 1 >/dev/null || fail 1 "cannot generate a ledger"
  on "$work/branch" generate --blocks 120 --txs-per-block 30 --seed 2 >/dev/null || fail 1 "cannot generate a ledger"
  on "$work/new" generate --blocks 0 --seed 1 >/dev/null || fail 1 "cannot generate a ledger"
  cp -r "$work/ahead" "$work/provider"
  aim_at "$work/ahead"
  on "$work/part" generate --blocks $((blocks / 2)) --txs-per-block 30 --seed 1 >/dev/null || fail 1 "cannot generate a ledger"
  part_digest=$(on "$work/part" verify --json | field state_digest)
  part_export=$(on "$work/part" chain export - 2>/dev/null | cksum)
  provide "$work/provider"
  # A ledger as a kill leaves it: with a log that is not played back.
  dir=$work/killed
  prepare "$work/new"
  run_node reach_and_kill
  [ -n "$strace" ] || return 0
  # The longer branch is stored by commits before the reorganisation: a kill at a write inside that leaves it stored.
  dir=$work/staged
  prepare "$work/branch"
  mkdir "$dir/durability/logs" && : >"$dir/durability/logs/tussock.log"
  run_node reach_the_tip strace -f -qq -s 60 -o "$work/trace" -e trace=pwrite64,write -e signal=none \
    -P "$dir/durability/ledger.db" -P "$dir/durability/ledger.db-wal" -P "$dir/durability/logs/tussock.log"
  point=$(awk '/pwrite64/ { n[$1]++ } / reorganising: / { print n[$1]; exit }' "$work/trace")
  # The writes of two runs differ a little.
  for beyond in 9 4 1 16 30 60; do
    prepare "$work/branch"
    traced "pwrite64:signal=SIGKILL:when=$((${point:-0} + beyond))"
    run_node reach_the_tip "${strace_prefix[@]}"
    read_log
    [ "$in_reorg" = 0 ] || break
  done
  [ "$in_reorg" = 1 ] || fail 1 "no kill hit the reorganisation"
}

reach_and_kill() { on "$dir" wait height "$goal" --timeout "$deadline" && kill -KILL "$(field pid <"$dir/durability/endpoints.json")"; }

table() {
  local columns=(runs kills in-commit in-recovery in-reorg ran-out exit-10 verified named harmless acknowledged lost returned) name column
  printf '%-13s' case
  printf ' %12s' "${columns[@]}"
  printf '\n'
  for name in "${cases[@]}"; do
    printf '%-13s' "$name"
    for column in "${columns[@]}"; do printf ' %12s' "${count[$name/$column]:-0}"; done
    printf '\n'
  done
}

# Small disks are mounted where nobody else sees them, and go away with this process.
if [ -z "${DURABILITY_NAMESPACE:-}" ]; then
  for flags in -m -rm; do
    if unshare "$flags" mount -t tmpfs tmpfs /mnt 2>/dev/null; then
      export TUSSOCK_BIN TUSSOCK_DURABILITY_DIR
      DURABILITY_NAMESPACE=1 exec unshare "$flags" "$0" "${given[@]}"
    fi
  done
fi
mounts=${DURABILITY_NAMESPACE:-}
[ -x "$bin" ] || (cd "$root" && cargo build --release --locked --bin tussock) || fail 1 "the build failed"
work=$(mktemp -d "${TUSSOCK_DURABILITY_DIR:-${TMPDIR:-/tmp}}/tussock-durability.XXXXXX") && work=$(realpath "$work") ||
  fail 2 "no folder can be made in ${TUSSOCK_DURABILITY_DIR:-${TMPDIR:-/tmp}}"
strace=''
strace -o /dev/null true 2>/dev/null && strace=yes
trap cleanup EXIT
setup

# Each case is a job with a folder of its own, and leaves what it counted in a file.
run_case() {
  local began=$SECONDS
  scratch=$work/$case_name
  mkdir -p "$scratch/disk"
  trap 'say "$case_name: interrupted"; keep_count; end_node "$scratch/node"; end_node "$scratch/newcomer"; exit 143' TERM
  RANDOM=$((seed % 32768))
  "case_${case_name//-/_}"
  say "$case_name: $((SECONDS - began)) s"
  keep_count
}

keep_count() {
  local key
  count[$case_name/failures]=$failures count[$case_name/skipped]=$skipped
  for key in "${!count[@]}"; do say "$key ${count[$key]}"; done >"$work/$case_name.count"
}

# Interrupted, it ends with what was counted so far.
interrupt() { failures=1; jobs -p | xargs kill -TERM 2>/dev/null; }
trap interrupt TERM INT
for case_name in "${cases[@]}"; do
  while [ "$(jobs -rp | wc -l)" -gt "$jobs" ]; do wait -n; done
  (trap - EXIT; run_case) &
done
for pid in $(jobs -p); do [ "$pid" = "$provider_pid" ] || wait "$pid" || wait "$pid"; done
for case_name in "${cases[@]}"; do
  [ -s "$work/$case_name.count" ] || { say "FAILED $case_name: did not end"; failures=$((failures + 1)); continue; }
  while read -r key value; do count[$key]=$value; done <"$work/$case_name.count"
  failures=$((failures + ${count[$case_name/failures]})) skipped=$((skipped + ${count[$case_name/skipped]}))
done
table
[ "$skipped" = 0 ] || say "$skipped parts were left out on this host"
[ "$failures" = 0 ] || { say "$failures failures; their folders are in $work"; exit 1; }
say "all held"
