#!/usr/bin/env bash
# Runs a ledger network of several nodes on this machine. Needs bash, a Rust toolchain and a C compiler; no root.
# Ends only processes that it started, by pid. Every verb can be repeated safely.
set -uo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
dir=${TUSSOCK_CLUSTER_DIR:-/tmp/tussock-cluster}
bin=${TUSSOCK_BIN:-${CARGO_TARGET_DIR:-$root/target}/release/tussock}
chain=${TUSSOCK_CLUSTER_CHAIN:-local}
# A cluster with authorities keeps its chain's file.
sealed=$dir/sealed.toml
[ ! -f "$sealed" ] || chain=$sealed
# These variables are for this script, not for the nodes.
export -n TUSSOCK_BIN TUSSOCK_CLUSTER_DIR TUSSOCK_CLUSTER_CHAIN
# These are of a node elsewhere: the README exports some of them. Here each node has a folder, addresses and peers of its own.
unset TUSSOCK_CONFIG TUSSOCK_DATA_DIR TUSSOCK_CHAIN TUSSOCK_MEMBERS TUSSOCK_CONNECT TUSSOCK_BOOTNODE TUSSOCK_LISTEN \
  TUSSOCK_HTTP TUSSOCK_NO_HTTP TUSSOCK_SEAL TUSSOCK_MINE

usage() {
  cat <<'TEXT'
usage: scripts/cluster.sh VERB
  up [N=4] [--topology full|ring|line] [--miners M=1] [--mine-rate H/S=205] [--delay TIME] [--rate BITS/S] [--loss PERCENT]
     [--authorities A]      build, start N nodes, wait until all are synced
                            --authorities 4: nobody mines, the first A nodes seal the blocks of a chain of their own
                            --delay 80ms --rate 2mbit --loss 1%: what each node sends passes through an emulated line, until
                            clean or an up with other values after down; tussock run --help says more at --line
  down                      stop all nodes (their data stays)
  kill n | stop n | start n | pause n | resume n        one node: SIGKILL, clean stop, start, SIGSTOP, SIGCONT
                            start takes the binary of the last up, and builds nothing
  partition "1 2 | 3 4"     cut the network into groups        heal    undo it
                            a stopped or paused node is told at its start or resume; down forgets it
  status [--json]           a line for each node               logs [n]  the last lines of its log
  wall [--open]             the address of the page that shows all nodes side by side; --open: in a browser
  wait agree | wait height H [--timeout S=60]           until all running nodes have one tip, or that height
  load --tps T --for S      send transactions to all nodes     cli n ARGS…  run a command against node n
  clean                     down, and delete all data
Data is in ${TUSSOCK_CLUSTER_DIR:-/tmp/tussock-cluster}. TUSSOCK_BIN: use this binary instead of building one.
TUSSOCK_CLUSTER_CHAIN: the file of another test chain. An example for heavy loads, with five blocks per second:
  tussock genesis new --name load --test --block-time 1s --time 1767225600 --target-limit 1f3fffff --maturity 1 >load.toml
  export TUSSOCK_CLUSTER_CHAIN=$PWD/load.toml TUSSOCK_NO_INDEX=true   # a quarter faster without index
  scripts/cluster.sh up --mine-rate 5000 && scripts/cluster.sh wait height 50 && scripts/cluster.sh load --tps 5000 --for 60s
Exit codes are those of tussock: 0 ok, 2 usage, 3 not running, 6 timed out.
TEXT
}

fail() { local code=$1; shift; printf 'cluster: %s\n' "$*" >&2; exit "$code"; }
node_dir() { printf '%s/node%s' "$dir" "$1"; }
nodes() { [ -f "$dir/size" ] && seq 1 "$(cat "$dir/size")"; }
tussock() { local n=$1; shift; "$bin" -d "$(node_dir "$n")" --chain "$chain" "$@"; }

# The number that a text of decimal digits means; fails if it is none. Bash itself reads 08 as octal.
number() { [[ ${1:-} =~ ^[0-9]{1,9}$ ]] && printf '%s' "$((10#$1))"; }

need_node() {
  [[ ${1:-} =~ ^[0-9]+$ ]] || fail 2 "a node's number is needed"
  [ -d "$(node_dir "$1")" ] || fail 4 "there is no node $1; this cluster has: $(nodes | tr '\n' ' ')"
}

# The pid of node n if it runs. A pid that another process has got since is ignored.
pid_of() {
  local pid file="$(node_dir "$1")/pid"
  [ -f "$file" ] || return 1
  pid=$(cat "$file")
  # Some small machines have no ps.
  { tr '\0' ' ' <"/proc/$pid/cmdline" || ps -o args= -p "$pid"; } 2>/dev/null | grep -qF -- "-d $(node_dir "$1") " || return 1
  printf '%s' "$pid"
}

# The value of a key in one-line JSON on standard input: a number or a string.
field() { sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\).*/\1/p" | head -n 1; }

# Seconds that a node has to answer: one that hangs must not hide what the others say.
answer_time=5
ask() { local n=$1; shift; timeout "$answer_time" "$bin" -d "$(node_dir "$n")" --chain "$chain" "$@" --json 2>/dev/null | tr -d '\n'; }
facts() { ask "$1" status; }
denied() { ask "$1" net list | tr -dc '{' | wc -c; }

# Runs a function with each of these nodes, side by side. Prints "N OUTPUT" for each, in their order.
each() {
  local what=$1 n answers
  shift
  answers=$(mktemp -d) || fail 10 "cannot make a temporary folder"
  for n in "$@"; do "$what" "$n" >"$answers/$n" & done
  wait
  for n in "$@"; do printf '%s %s\n' "$n" "$(cat "$answers/$n")"; done
  rm -rf "$answers"
}

# The cluster keeps the path of the binary that it was started with. Another variable or another build does not change it.
use_binary_of_cluster() { [ -n "${TUSSOCK_BIN:-}" ] || [ ! -x "$(cat "$dir/binary" 2>/dev/null)" ] || bin=$(cat "$dir/binary"); }

build() {
  [ -n "${TUSSOCK_BIN:-}" ] && return
  (cd "$root" && cargo build --release --locked --bin tussock) || fail 1 "the build failed"
}

port_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Chooses a block of free ports. The cluster keeps it, so that nodes find each other again.
choose_ports() {
  local count=$1 base n
  [ -f "$dir/port" ] && return
  # Below the ports of outgoing connections, which could take a port between this check and the start of a node.
  for base in 21300 22300 23300 24300 25300 26300; do
    for n in $(seq 1 "$count"); do
      port_free $((base + n)) && port_free $((base + 500 + n)) || continue 2
    done
    printf '%s\n' "$base" >"$dir/port"
    return
  done
  fail 2 "no free block of ports; set the first one by hand: echo PORT > $dir/port"
}

start_node() {
  local n=$1 base folder pid
  folder=$(node_dir "$n")
  pid_of "$n" >/dev/null && return
  base=$(cat "$dir/port")
  mkdir -p "$folder"
  rm -f "$folder/told"
  local args=()
  [ -f "$folder/args" ] && mapfile -t args <"$folder/args"
  [ -s "$dir/line" ] && args+=(--line "$(cat "$dir/line")")
  # Its own process group, so that Ctrl-C ends this script and not the node.
  set -m
  "$bin" -d "$folder" --chain "$chain" run --listen "127.0.0.1:$((base + n))" --http "127.0.0.1:$((base + 500 + n))" \
    --quiet ${args[@]+"${args[@]}"} >>"$folder/output.log" 2>&1 </dev/null &
  pid=$!
  set +m
  disown "$pid"
  printf '%s\n' "$pid" >"$folder/pid"
  tussock "$n" wait ready --timeout 30 >/dev/null || {
    tail -n 5 "$folder/output.log" >&2
    fail 1 "node $n did not become ready; see $folder/output.log"
  }
  # Meanwhile the other groups have refused it.
  settle_all "$n"
}

stop_node() {
  local n=$1 pid
  pid=$(pid_of "$n") || return 0
  kill -CONT "$pid" 2>/dev/null
  tussock "$n" stop >/dev/null 2>&1 || kill -TERM "$pid" 2>/dev/null
  await_end "$pid"
}

# Waits at most 15 s for a process that is not our child: tail ends with it.
await_end() { timeout 15 tail --pid="$1" -f /dev/null 2>/dev/null || kill -KILL "$1" 2>/dev/null || true; }

node_arguments() {
  local n=$1 count=$2 topology=$3 miners=$4 hashes=$5 base folder peer args
  folder=$(node_dir "$n")
  base=$(cat "$dir/port")
  mkdir -p "$folder"
  # They count once they are whole: an up that fails here must not leave the next one a node without its miner.
  args=$folder/args.part
  : >"$args"
  case $topology in
    full) [ "$n" -gt 1 ] && printf '%s\n' --bootnode "127.0.0.1:$((base + 1))" >>"$args"
          [ "$n" -eq 1 ] && printf '%s\n' --is-bootnode >>"$args" ;;
    ring | line)
      peer=$((n - 1))
      [ "$topology" = ring ] && [ "$n" -eq 1 ] && [ "$count" -gt 2 ] && peer=$count
      [ "$peer" -ge 1 ] && printf '%s\n' --connect "127.0.0.1:$((base + peer))" >>"$args"
      printf '%s\n' --max-outbound 1 >>"$args"
      [ "$n" -eq 1 ] && printf '%s\n' --is-bootnode >>"$args" ;;
  esac
  [ -f "$folder/seal.json" ] && printf '%s\n' --seal "$folder/seal.json" >>"$args"
  if [ "$n" -le "$miners" ]; then
    local address rate
    address=$(tussock "$n" key show "dev$((n - 1))" --json | tr -d '\n' | field address)
    [ -n "$address" ] || fail 1 "no address for the miner of node $n"
    # The local chain has a block every 5 s at 205 hashes per second: share them between the miners.
    rate=$((hashes / miners))
    printf '%s\n' --mine "$address" --mine-rate "$((rate > 0 ? rate : 1))" >>"$args"
  fi
  mv "$args" "$folder/args"
}

# Refuses what no line is like. The program speaks of its own flag, --line.
check_line() {
  local line=$1 error
  [ -n "$line" ] || return 0
  error=$("$bin" run --line "$line" --help 2>&1 >/dev/null) || fail 2 "$(head -n 1 <<<"$error" | sed "s/^error: .*--line <[^>]*>': //")"
}

# Keeps what each node's line is like. A node that runs already keeps its own.
choose_line() {
  local line=$1
  [ -n "$line" ] && [ "$line" != "$(cat "$dir/line" 2>/dev/null)" ] || return 0
  [ -z "$(for n in $(nodes); do pid_of "$n"; done)" ] || fail 2 "nodes run with another line; stop them first: scripts/cluster.sh down"
  printf '%s\n' "$line" >"$dir/line"
}

# Makes the keys of the authorities, each in its node's folder, and the chain that they seal. It funds dev0 to dev9.
found_chain() {
  local count=$1 n key keys=() funds=()
  local make=("$bin" -d "$dir/founding" --chain local)
  rm -rf "$dir/founding"
  [ -f "$dir/size" ] && fail 2 "this cluster has another chain; delete it first: scripts/cluster.sh clean"
  for n in $(seq 1 "$count"); do
    mkdir -p "$(node_dir "$n")" || fail 10 "cannot make $(node_dir "$n")"
    key=$("${make[@]}" key new "node$n" --json | tr -d '\n' | field public_key)
    [ -n "$key" ] || fail 1 "no key for node $n"
    mv "$dir/founding/local/keys/node$n.json" "$(node_dir "$n")/seal.json"
    keys+=("$key")
  done
  for n in $(seq 0 9); do
    funds+=(--fund "$("${make[@]}" key show "dev$n" --json | tr -d '\n' | field address)=100000000000000")
  done
  "${make[@]}" genesis new --name sealed --test --block-time 200ms "${funds[@]}" --authorities "${keys[@]}" >"$sealed.part" ||
    fail 2 "the chain could not be made"
  rm -rf "$dir/founding"
  mv "$sealed.part" "$sealed"
  chain=$sealed
}

verb_up() {
  local count=4 topology=full miners='' hashes='' line='' authorities='' n
  while [ $# -gt 0 ]; do
    case $1 in
      --topology) topology=${2:-}; shift 2 || fail 2 "--topology needs full, ring or line" ;;
      --miners) miners=${2:-}; shift 2 || fail 2 "--miners needs a number" ;;
      --mine-rate) hashes=${2:-}; shift 2 || fail 2 "--mine-rate needs a number" ;;
      --delay) line+=${line:+,}delay=${2:-}; shift 2 || fail 2 "--delay needs a time: 80ms" ;;
      --rate) line+=${line:+,}rate=${2:-}; shift 2 || fail 2 "--rate needs bits per second: 2mbit" ;;
      --loss) line+=${line:+,}loss=${2:-}; shift 2 || fail 2 "--loss needs a percentage: 1%" ;;
      --authorities) authorities=${2:-}; shift 2 || fail 2 "--authorities needs a number" ;;
      [0-9]*) count=$1; shift ;;
      *) fail 2 "unknown argument to up: $1" ;;
    esac
  done
  count=$(number "$count") && [ "$count" -ge 1 ] && [ "$count" -le 200 ] || fail 2 "1 to 200 nodes are possible"
  if [ -n "$authorities" ]; then
    authorities=$(number "$authorities") && [ "$authorities" -ge 1 ] && [ "$authorities" -le "$count" ] &&
      [ "$authorities" -le 64 ] || fail 2 "1 to 64 authorities are possible, and not more than nodes"
    [ -z "$miners$hashes" ] || fail 2 "where authorities seal blocks nobody mines; leave out --miners and --mine-rate"
    [ -z "${TUSSOCK_CLUSTER_CHAIN:-}" ] || fail 2 "--authorities makes a chain of its own; unset TUSSOCK_CLUSTER_CHAIN"
  fi
  if [ -n "$authorities" ] || [ -f "$sealed" ]; then miners=0; fi
  miners=${miners:-1} hashes=${hashes:-205}
  miners=$(number "$miners") && [ "$miners" -le "$count" ] && [ "$miners" -le 10 ] ||
    fail 2 "at most one miner per node and 10 in total are possible"
  hashes=$(number "$hashes") || fail 2 "--mine-rate needs a number of hashes per second, below a thousand million"
  [[ $topology =~ ^(full|ring|line)$ ]] || fail 2 "the topology is full, ring or line"
  build
  check_line "$line"
  mkdir -p "$dir" || fail 10 "cannot make $dir"
  realpath "$bin" >"$dir/binary" || fail 2 "there is no binary: $bin"
  if [ -n "$authorities" ] && [ ! -f "$sealed" ]; then found_chain "$authorities"; fi
  choose_line "$line"
  choose_ports "$count"
  if [ ! -f "$dir/size" ] || [ "$(cat "$dir/size")" -lt "$count" ]; then printf '%s\n' "$count" >"$dir/size"; fi
  for n in $(seq 1 "$count"); do
    [ -f "$(node_dir "$n")/args" ] || node_arguments "$n" "$count" "$topology" "$miners" "$hashes"
    start_node "$n"
  done
  for n in $(seq 1 "$count"); do
    tussock "$n" wait synced --timeout 60 >/dev/null || fail 6 "node $n is not synced after 60 s; see: scripts/cluster.sh status"
  done
  verb_wait agree
  verb_status
}

# Fails unless there are at most so many arguments.
at_most() {
  local most=$1
  shift
  [ $# -le "$most" ] || fail 2 "unknown argument to $verb: ${*: -1}"
}

verb_status() {
  local n pid line silent=0 json=${1:-} first=1 cut=''
  local -A known=()
  at_most 1 "$@"
  [ -z "$json" ] || [ "$json" = --json ] || fail 2 "unknown argument to status: $json"
  [ "$json" = --json ] || [ -f "$dir/size" ] || fail 3 "no cluster in $dir; start one: scripts/cluster.sh up"
  # shellcheck disable=SC2046
  while read -r n line; do
    known[$n]=$line
    [ -n "$line" ] || silent=1
  done < <(each facts $(running))
  if [ "$json" = --json ]; then
    printf '['
    for n in $(nodes); do
      [ "$first" = 1 ] || printf ','
      first=0
      pid=$(pid_of "$n") || pid=null
      line=${known[$n]:-}
      printf '{"node":%s,"pid":%s,"status":%s' "$n" "$pid" "${line:-null}"
      [ -n "$line" ] || printf ',"reason":"%s"' "$(silence "$n")"
      printf '}'
    done
    printf ']\n'
    return
  fi
  printf '%-5s %-8s %-11s %-8s %-9s %-6s %-8s %-7s %s\n' node pid state height tip peers mempool rss page
  for n in $(nodes); do
    line=${known[$n]:-}
    if pid=$(pid_of "$n") && [ -n "$line" ]; then
      printf '%-5s %-8s %-11s %-8s %-9s %-6s %-8s %-7s %s\n' "$n" "$pid" \
        "$(field state <<<"$line")" "$(field height <<<"$line")" "$(field tip <<<"$line" | cut -c1-8)" \
        "$(field inbound <<<"$line")/$(field outbound <<<"$line")" "$(field count <<<"$line")" \
        "$(($(field rss_bytes <<<"$line" | grep -E '^[0-9]+$' || echo 0) / 1048576))M" \
        "http://127.0.0.1:$(($(cat "$dir/port") + 500 + n))"
    else
      printf '%-5s %-8s %s\n' "$n" "${pid:--}" "$(silence "$n")"
    fi
  done
  if [ -z "$(for n in $(nodes); do pid_of "$n"; done)" ]; then printf 'no node runs\n'; return; fi
  printf 'all nodes side by side: %s\n' "$(wall_address)"
  [ ! -s "$dir/line" ] || printf 'each node sends over an emulated line: %s\n' "$(cat "$dir/line")"
  if [ "$silent" = 1 ]; then
    printf 'not all running nodes answer within %s s\n' "$answer_time"
  elif agree_soon; then printf 'all running nodes agree\n'; else printf 'running nodes differ\n'; fi
  # shellcheck disable=SC2046
  while read -r n line; do [ "$line" = 0 ] || cut+=" $n"; done < <(each denied $(running))
  [ -z "$cut" ] || printf 'partitioned: these nodes deny others:%s; undo it with: scripts/cluster.sh heal\n' "$cut"
}

# The page of the first node that answers shows all, 64 at most.
wall_address() {
  local base count n
  base=$(($(cat "$dir/port") + 500)) count=$(cat "$dir/size") n=$(first_running)
  printf 'http://127.0.0.1:%s/wall?nodes=%s-%s' "$((base + ${n:-1}))" "$((base + 1))" "$((base + (count < 64 ? count : 64)))"
}

verb_wall() {
  local open=${1:-}
  at_most 1 "$@"
  [ -z "$open" ] || [ "$open" = --open ] || fail 2 "unknown argument to wall: $open"
  [ -n "$(first_running)" ] || fail 3 "no node is running; start them: scripts/cluster.sh up"
  printf '%s\n' "$(wall_address)"
  [ -z "$open" ] || "${BROWSER:-xdg-open}" "$(wall_address)" >/dev/null 2>&1 </dev/null || fail 1 "no browser could be opened; BROWSER names one"
}

# Why a node says nothing.
silence() {
  if ! pid_of "$1" >/dev/null; then printf stopped; elif is_paused "$1"; then printf paused; else printf 'no answer'; fi
}

# Whether all running nodes have the same tip. A block may arrive while they are queried one after another, so nodes that
# are behind get a second to follow, twice.
agree_soon() {
  local try tips highest n
  for try in 1 2 3; do
    tips=$(tips_of_running)
    is_one_tip "$tips" && return 0
    [ "$try" = 3 ] && return 1
    highest=$(cut -d' ' -f1 <<<"$tips" | sort -n | tail -n 1)
    for n in $(running); do tussock "$n" wait height "${highest:-0}" --timeout 1 >/dev/null 2>&1 & done
    wait
  done
}

# Nodes that run and are not paused.
running() {
  local n
  for n in $(nodes); do
    pid_of "$n" >/dev/null && ! is_paused "$n" && printf '%s\n' "$n"
  done
  return 0
}

# Whether this script or somebody else has stopped a running node by a signal.
is_paused() {
  local pid
  [ -f "$(node_dir "$1")/paused" ] && return
  pid=$(pid_of "$1") || return 1
  [[ $(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null || ps -o state= -p "$pid" 2>/dev/null) = [Tt]* ]]
}

# "height tip" of each running node; a blank for one that does not answer.
tips_of_running() {
  local n line
  # shellcheck disable=SC2046
  each facts $(running) | while read -r n line; do
    printf '%s %s\n' "$(field height <<<"$line")" "$(field tip <<<"$line")"
  done
}

# Whether these are tips, and all the same one. Nodes that do not answer agree with nobody.
is_one_tip() { [ "$(sort -u <<<"$1" | wc -l)" -eq 1 ] && [[ $1 == [0-9]* ]]; }

first_running() {
  local all
  all=$(running)
  [ -n "$all" ] && printf '%s' "${all%%$'\n'*}"
}

verb_wait() {
  local what=${1:-} height=0 timeout=60 deadline tips n highest
  shift || true
  if [ "$what" = height ]; then height=$(number "${1:-}") || fail 2 "wait height needs a number"; shift; fi
  [ "$what" = agree ] || [ "$what" = height ] || fail 2 "wait agree, or wait height H"
  if [ "${1:-}" = --timeout ]; then timeout=${2:-}; shift; shift || true; fi
  at_most 0 "$@"
  timeout=$(number "$timeout") || fail 2 "--timeout needs seconds"
  deadline=$((SECONDS + timeout))
  n=$(first_running) || fail 3 "no node is running; start them: scripts/cluster.sh up"
  while :; do
    tips=$(tips_of_running)
    highest=$(cut -d' ' -f1 <<<"$tips" | sort -n | tail -n 1)
    if is_one_tip "$tips" && [ "$highest" -ge "$height" ]; then return 0; fi
    [ "$SECONDS" -lt "$deadline" ] || fail 6 "not after $timeout s: $(sort -u <<<"$tips" | tr '\n' ';')"
    # The node waits: until its chain grows, or for a second. While no node answers there is nothing that could tell, so look
    # again in a second, until the deadline.
    if [ -z "$highest" ]; then sleep 1; else tussock "$n" wait height $((highest + 1)) --timeout 1 >/dev/null 2>&1; fi
  done
}

# Tells node n what to deny. Its folder has two files: `deny`, the addresses that it must deny now, and `told`, those that the
# running node was told last. Prints why the node could not be told.
settle() {
  local n=$1 folder want told error
  folder=$(node_dir "$n")
  want=$(cat "$folder/deny" 2>/dev/null)
  told=$(cat "$folder/told" 2>/dev/null)
  error=$(silence "$n")
  # A stopped node denies nothing.
  if [ "$error" != 'no answer' ]; then [ "$error$want" = stopped ] || printf '%s' "$error"; return; fi
  # `net deny` adds to what the node denies already.
  # shellcheck disable=SC2086
  { [ -z "$told" ] || [ "$told" = "$want" ] || tell "$n" net allow; } && { [ -z "$want" ] || tell "$n" net deny $want; } &&
    printf '%s\n' "$want" >"$folder/told"
}

is_told() { [ "$(cat "$(node_dir "$1")/told" 2>/dev/null)" = "$(cat "$(node_dir "$1")/deny" 2>/dev/null)" ]; }

# Runs a command against node n. Prints one line if it fails.
tell() {
  local error
  error=$(timeout "$answer_time" "$bin" -d "$(node_dir "$1")" --chain "$chain" "${@:2}" 2>&1 >/dev/null) && return
  printf '%s' "${error:-no answer}" | tail -n 1
  return 1
}

# Tells these nodes what to deny, side by side, and fails if one could not be told.
settle_all() {
  local n why silent='' code=3
  while read -r n why; do
    [ -n "$why" ] || continue
    silent+="${silent:+, }$n ($why)"
    [ "$why" = stopped ] || code=6
  done < <(each settle "$@")
  [ -z "$silent" ] || fail "$code" "not told: node $silent; start and resume tell a node, or repeat this once it answers"
}

verb_partition() {
  local groups=() members=() group n other base others addresses
  local -A group_of=()
  base=$(cat "$dir/port" 2>/dev/null) || fail 3 "no cluster in $dir; start one: scripts/cluster.sh up"
  [ $# -eq 1 ] || fail 2 'partition "1 2 | 3 4"'
  IFS='|' read -ra groups <<<"$1"
  [ "${#groups[@]}" -ge 2 ] || fail 2 'at least two groups are needed: partition "1 2 | 3 4"'
  # Before anything is cut.
  for group in "${!groups[@]}"; do
    read -ra members <<<"${groups[$group]}"
    [ "${#members[@]}" -ge 1 ] || fail 2 'a group is empty; each needs a node: partition "1 2 | 3 4"'
    for n in "${members[@]}"; do
      need_node "$n"
      [ -z "${group_of[$n]:-}" ] || fail 2 "node $n is named twice; a node is in one group"
      group_of[$n]=$group
    done
  done
  others=$(for n in $(nodes); do [ -n "${group_of[$n]:-}" ] || printf ' %s' "$n"; done)
  for n in "${!group_of[@]}"; do
    addresses=()
    for other in "${!group_of[@]}"; do
      [ "${group_of[$other]}" = "${group_of[$n]}" ] || addresses+=("127.0.0.1:$((base + other))")
    done
    printf '%s\n' "${addresses[*]}" >"$(node_dir "$n")/deny"
  done
  [ -z "$others" ] || printf 'cluster: in no group, so connected to all:%s\n' "$others" >&2
  # shellcheck disable=SC2046
  settle_all $(printf '%s\n' "${!group_of[@]}" | sort -n)
}

verb_heal() {
  local n
  at_most 0 "$@"
  for n in $(nodes); do
    rm -f "$(node_dir "$n")/deny"
    # Whatever a node was told, and by whom.
    printf 'unknown\n' >"$(node_dir "$n")/told"
  done
  # shellcheck disable=SC2046
  settle_all $(nodes)
}

verb_logs() {
  local n
  at_most 1 "$@"
  for n in ${1:-$(nodes)}; do
    need_node "$n"
    printf '== node %s\n' "$n"
    tail -n 20 "$(node_dir "$n")/$(basename "$chain" .toml)/logs/tussock.log" 2>/dev/null || tail -n 20 "$(node_dir "$n")/output.log"
  done
}

verb_down() {
  local n
  at_most 0 "$@"
  # In parallel, because each node waits for its peers' Goodbye.
  for n in $(nodes); do
    { stop_node "$n"; (cd "$(node_dir "$n")" && rm -f pid paused deny); } &
  done
  wait
}

verb_load() {
  local n folders=()
  for n in $(nodes); do pid_of "$n" >/dev/null && folders+=(--node "$(node_dir "$n")"); done
  [ "${#folders[@]}" -gt 0 ] || fail 3 "no node is running; start them: scripts/cluster.sh up"
  "$bin" --chain "$chain" bench load "${folders[@]}" "$@"
}

verb_clean() {
  at_most 0 "$@"
  verb_down
  [ -f "$dir/size" ] && rm -rf "$dir"
  return 0
}

[ $# -gt 0 ] || { usage; exit 2; }
verb=$1
shift
case $verb in start | stop | kill | pause | resume) at_most 1 "$@" ;; esac
[ "$verb" = up ] || use_binary_of_cluster
case $verb in
  up | status | wall | wait | partition | heal | logs | down | load | clean) "verb_$verb" "$@" ;;
  start) need_node "${1:-}"; [ -x "$bin" ] || build; start_node "$1" ;;
  stop) need_node "${1:-}"; stop_node "$1"; rm -f "$(node_dir "$1")/pid" "$(node_dir "$1")/paused" ;;
  kill) need_node "${1:-}"; pid=$(pid_of "$1") && kill -KILL "$pid" && await_end "$pid"; rm -f "$(node_dir "$1")/pid" "$(node_dir "$1")/paused" ;;
  pause) need_node "${1:-}"; pid=$(pid_of "$1") || fail 3 "node $1 is not running"; kill -STOP "$pid"; : >"$(node_dir "$1")/paused" ;;
  resume) need_node "${1:-}"; pid=$(pid_of "$1") || fail 3 "node $1 is not running"; kill -CONT "$pid"; rm -f "$(node_dir "$1")/paused"; is_told "$1" || settle_all "$1" ;;
  cli) need_node "${1:-}"; n=$1; shift; tussock "$n" "$@" ;;
  help | --help | -h) usage ;;
  *) usage >&2; exit 2 ;;
esac
