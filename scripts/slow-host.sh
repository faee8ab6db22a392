#!/usr/bin/env bash
# What a node costs a small host. Four measurements, each printed and compared with its bound:
#
#   slow-host.sh quiet     wake-ups per second of all threads of an idle node with 8 peers, over a minute: at most 2. `quiet
#                          mesh`: each has a link to each other. `quiet star`: 8 dial it, and it dials nobody. Without: both
#   slow-host.sh slow      a node that may use a tenth of one core (a control group, as 600 MHz of an old processor) follows a
#                          chain whose blocks have 500 transactions and come every 10 s; RPC answers within a second. Needs
#                          root, and a control group that can be made; exit code 3: there is none
#   slow-host.sh small     a newcomer with one core, 64 open files and a control group of 32 MiB, which counts cached files too,
#                          syncs 2,000 blocks of 500 transactions, over a million coins: it gets there, and is not killed.
#                          Then the least `ulimit -v` with which a node starts: at most 48 MiB (the program of dist.sh: 24)
#   slow-host.sh join      newcomers with the same limits join with a snapshot of those coins and with the whole history, in turn,
#                          from four nodes: the snapshot is at least five times as fast, and none is killed
#
# TUSSOCK_BIN: the program (default: target/release/tussock).
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${TUSSOCK_BIN:-${CARGO_TARGET_DIR:-$PWD/target}/release/tussock}
[ -x "$bin" ] || cargo build --quiet --locked --release --bin tussock
data=$(mktemp -d)
pids=() group=
trap 'clean_up' EXIT

clean_up() {
  [ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null || true
  wait
  [ -z "$group" ] || rmdir "$group" 2>/dev/null || true
  rm -rf "$data"
}

start() { # NAME FLAGS…
  local name=$1
  shift
  "$bin" -d "$data/$name" --chain local run --listen 127.0.0.1:0 --http 127.0.0.1:0 --quiet "$@" >"$data/$name.log" 2>&1 &
  pids+=($!)
  "$bin" -d "$data/$name" --chain local wait ready --timeout 120 >/dev/null
}

address() { sed -E 's/.*"p2p":"([^"]+)".*/\1/' "$data/$1/local/endpoints.json"; }

# Each has a link to each other, and nobody looks for more peers.
mesh() {
  local number others=()
  for number in 1 2 3 4 5 6 7 8 idle; do
    start "$number" --is-bootnode --max-outbound $((${#others[@]} / 2)) ${others[@]+"${others[@]}"}
    others+=(--connect "$(address "$number")")
  done
  idle=${pids[-1]}
}

# All dial the idle one, which dials nobody.
star() {
  local number
  start idle --is-bootnode
  idle=${pids[-1]}
  for number in 1 2 3 4 5 6 7 8; do start "$number" --connect "$(address idle)" --max-outbound 1 --max-inbound 0; done
}

quiet() { # mesh|star
  "$1"
  "$bin" -d "$data/idle" --chain local wait peers 8 --timeout 60 >/dev/null
  python3 - "$1" "$idle" "${SECONDS_QUIET:-60}" <<'P'
import glob, sys, time

shape, pid, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
BOUND = 2.0


def switches():
    """Context switches of each thread: how often it slept, and how often it was made to wait."""
    found = {}
    for path in glob.glob(f"/proc/{pid}/task/*/status"):
        facts = dict(line.split(":", 1) for line in open(path))
        found[path.split("/")[4]] = (facts["Name"].strip(), int(facts["voluntary_ctxt_switches"]))
    return found


time.sleep(20)  # until all that follows the start is over
before, start = switches(), time.monotonic()
time.sleep(seconds)
after, passed = switches(), time.monotonic() - start
rates = {after[one]: (after[one][1] - before.get(one, ("", 0))[1]) / passed for one in after}
for (name, _), rate in sorted(rates.items(), key=lambda one: -one[1]):
    if rate:
        print(f"{rate:6.2f} a second  {name}")
total = sum(rates.values())
print(f"{total:6.2f} wake-ups a second of {len(rates)} threads, with 8 peers in a {shape}, over {passed:.0f} s; at most {BOUND}")
sys.exit(total > BOUND)
P
}

# A control group for which a limit can be put. Sets `group`.
make_group() { # CONTROLLER
  local root
  if [ -w /sys/fs/cgroup/cgroup.procs ] && grep -qw "$1" /sys/fs/cgroup/cgroup.subtree_control 2>/dev/null; then
    group=/sys/fs/cgroup/tussock-slow-$$
    mkdir "$group" 2>/dev/null && return
  fi
  for root in "/sys/fs/cgroup/$1" "/sys/fs/cgroup/$1,cpuacct"; do
    group=$root/tussock-slow-$$
    if [ -w "$root/cgroup.procs" ] && mkdir "$group" 2>/dev/null; then return; fi
  done
  group=
  printf 'skipped: no control group can be made here that limits %s\n' "$1"
  exit 3
}

# The two versions of control groups have different files.
put() { # FILE VALUE
  [ ! -e "$group/$1" ] || echo "$2" >"$group/$1"
}

slow() {
  local blocks=${BLOCKS_SLOW:-12}
  make_group cpu
  put cpu.max '10000 100000' && put cpu.cfs_period_us 100000 && put cpu.cfs_quota_us 10000
  # Other work of this host may not take the tenth.
  put cpu.weight 1000 && put cpu.shares 10240
  "$bin" generate --blocks $((blocks + 20)) --txs-per-block 500 --seed 3 --data-dir "$data/source" >/dev/null
  start source --no-index
  # The follower is in the group from its first instruction on.
  (echo $BASHPID >"$group/cgroup.procs" && exec "$bin" -d "$data/slow" --chain local run --listen 127.0.0.1:0 \
    --http 127.0.0.1:0 --quiet --is-bootnode --max-memory 16 >"$data/slow.log" 2>&1) &
  pids+=($!)
  "$bin" -d "$data/slow" --chain local wait ready --timeout 120 >/dev/null
  start feeder --connect "$(address slow)" --is-bootnode
  "$bin" -d "$data/slow" --chain local wait peers 1 --timeout 60 >/dev/null
  python3 - "$data" "$blocks" <<'P'
import base64, json, statistics, sys, threading, time, urllib.request

data, blocks = sys.argv[1], int(sys.argv[2])
EVERY, BOUND = 10.0, 1.0


class Node:
    def __init__(self, name):
        folder = f"{data}/{name}/local"
        self.url = "http://" + json.load(open(f"{folder}/endpoints.json"))["http"] + "/rpc"
        self.credentials = base64.b64encode(open(f"{folder}/rpc.cookie", "rb").read()).decode()

    def call(self, method, *parameters):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).encode()
        request = urllib.request.Request(self.url, body, {"Authorization": f"Basic {self.credentials}"})
        answer = json.load(urllib.request.urlopen(request, timeout=60))
        if answer.get("error"):
            raise SystemExit(f"{method}: {answer['error']}")
        return answer["result"]


source, feeder, slow = Node("source"), Node("feeder"), Node("slow")
answers, over = [], threading.Event()


def ask():
    while not over.wait(0.2):
        for method in ("getblockcount", "getmempoolinfo", "getpeerinfo"):
            began = time.monotonic()
            slow.call(method)
            answers.append(time.monotonic() - began)


def feed(height):
    problem = feeder.call("submitblock", source.call("getblock", source.call("getblockhash", height), 0))
    if problem is not None:
        raise SystemExit(f"block {height}: {problem}")


first = 20  # blocks of the start: the follower meets them at once
for height in range(1, first + 1):
    feed(height)
while slow.call("getblockcount") < first:
    time.sleep(0.2)
asker = threading.Thread(target=ask, daemon=True)
asker.start()
delays = []
for height in range(first + 1, first + blocks + 1):
    began = time.monotonic()
    feed(height)
    while slow.call("getblockcount") < height:
        time.sleep(0.05)
        if time.monotonic() - began > 60:
            raise SystemExit(f"block {height} has not arrived after a minute")
    delays.append(time.monotonic() - began)
    time.sleep(max(0.0, EVERY - (time.monotonic() - began)))
over.set()
asker.join()
size = len(source.call("getblock", source.call("getblockhash", first), 0)) // 2
answers.sort()
print(f"{blocks} blocks of 500 transactions ({size} bytes), one every {EVERY:.0f} s: followed after {statistics.median(delays):.2f} s "
      f"(median), {max(delays):.2f} s (longest); at most {EVERY:.0f}")
print(f"{len(answers)} RPC calls meanwhile: {answers[len(answers) // 2] * 1000:.0f} ms (median), "
      f"{answers[len(answers) * 99 // 100] * 1000:.0f} ms (99 of 100), {answers[-1]:.2f} s (longest); at most {BOUND:.0f} s")
sys.exit(max(delays) > EVERY or answers[-1] > BOUND)
P
  sed -n '/nr_periods\|nr_throttled/p' "$group/cpu.stat"
}

# A control group of 32 MiB, cached files counted.
make_small_group() {
  make_group memory
  put memory.max $((32 << 20)) && put memory.limit_in_bytes $((32 << 20))
}

join() {
  make_small_group
  printf '#!/bin/sh\necho $$ >%q && ulimit -n 64 && exec taskset -c 0 %q "$@"\n' "$group/cgroup.procs" "$bin" >"$data/newcomer"
  chmod +x "$data/newcomer"
  TMPDIR=$data "$bin" --json bench join --workload w3 --runs "${RUNS_JOIN:-1}" --newcomer "$data/newcomer" --max-memory 32 >"$data/join.json"
  python3 - "$data/join.json" "$group" <<'P'
import glob, json, sys

figures, group = json.load(open(sys.argv[1])), sys.argv[2]
events = [line.strip() for path in glob.glob(f"{group}/memory.events") + glob.glob(f"{group}/memory.oom_control")
          for line in open(path) if line.startswith("oom_kill ")]
for way in ("whole", "snapshot"):
    one = figures[way]
    print(f"{way}: {one['seconds']:.1f} s, {one['cpu_s']:.1f} s of processor time, resident at most {one['largest_rss_bytes'] / 1e6:.1f} MB")
killed = any(line != "oom_kill 0" for line in events)
print(f"one core, 64 open files, control group of 32 MiB: {figures['times_as_fast']:.1f} times as fast with a snapshot; at least 5; "
      f"{', '.join(events) or 'nobody is told of kills here'}")
sys.exit(killed or figures["times_as_fast"] < 5)
P
}

small() {
  local blocks=${BLOCKS_SMALL:-2000} began mib least=
  make_small_group
  "$bin" generate --blocks "$blocks" --txs-per-block 500 --seed 1 --data-dir "$data/source" >/dev/null
  start source --is-bootnode
  began=$EPOCHREALTIME
  (echo $BASHPID >"$group/cgroup.procs" && ulimit -n 64 && exec taskset -c 0 "$bin" -d "$data/small" --chain local run \
    --listen 127.0.0.1:0 --http 127.0.0.1:0 --quiet --connect "$(address source)" >"$data/small.log" 2>&1) &
  small=$!
  pids+=("$small")
  "$bin" -d "$data/small" --chain local wait height "$blocks" --timeout 1800 >/dev/null ||
    { printf 'it did not get there\n' && tail -3 "$data/small.log" && exit 1; }
  python3 - "$began" "$EPOCHREALTIME" "$blocks" "$small" "$group" <<'P'
import glob, os, sys

began, over, blocks, pid, group = float(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5]
facts = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status"))
ticks = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[11:13]
used = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
events = [line.strip() for path in glob.glob(f"{group}/memory.events") + glob.glob(f"{group}/memory.oom_control")
          for line in open(path) if line.startswith("oom_kill ")]
print(f"one core, 64 open files, control group of 32 MiB: {blocks} blocks of 500 transactions after {over - began:.0f} s, "
      f"{used:.0f} s of processor time; resident at most {int(facts['VmHWM'].split()[0]) / 1000:.1f} MB; {', '.join(events) or 'not killed'}")
P
  "$bin" -d "$data/small" --chain local stop --timeout 60 >/dev/null && wait "$small"
  for mib in 64 48 40 32 28 24 20 16 12; do
    (ulimit -v $((mib * 1024)) && exec "$bin" -d "$data/$mib" --chain local run --listen 127.0.0.1:0 --http 127.0.0.1:0 \
      --quiet --is-bootnode --max-memory 16 >"$data/$mib.log" 2>&1) &
    small=$!
    "$bin" -d "$data/$mib" --chain local wait ready --timeout 30 >/dev/null 2>&1 || { wait "$small" || true; break; }
    "$bin" -d "$data/$mib" --chain local mine 1 >/dev/null 2>&1 &&
      "$bin" -d "$data/$mib" --chain local stop --timeout 30 >/dev/null 2>&1 && wait "$small" || break
    least=$mib
  done
  printf 'least ulimit -v with which it starts, mines and stops: %s MiB; at most 48\n' "${least:-none of them}"
  [ "${least:-99}" -le 48 ]
}

case ${1:-} in
  quiet)
    case ${2:-} in
      mesh | star) quiet "$2" ;;
      *) status=0 && for shape in mesh star; do scripts/slow-host.sh quiet "$shape" || status=$?; done && exit "$status" ;;
    esac
    ;;
  slow) slow ;;
  small) small ;;
  join) join ;;
  *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" && exit 2 ;;
esac
