#!/usr/bin/env bash
# pyraftlog (Python): the leader of three nodes commits and applies an entry that neither of the others has.
#
# Guess: the package is an "implementation of the RAFT consensus algorithm": an entry is committed once a majority has stored it,
# and from then on it is in the log of every later leader.
# Happens: when a follower answers, the leader notes as stored there what it was about to send next, not what the follower says
# that it has. Heartbeats carry no entries, so an entry appended while one is under way is committed by its answer. And that is
# how every first entry is committed: before entries are sent they are measured with an attribute that named tuples have not
# had since Python 3.5 (the package asks for 3.6), the error counts as a lost connection, and a question without entries goes
# out. A second entry is never committed, and no other node ever has one.
# Hurts: ledgers and settings on the package: the leader confirms what nobody else has. When it stops, its successor has another
# entry of the same number. A test with one entry passes.
# (In the second part measuring is mended: all is replicated then, but for what comes during a heartbeat.)
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check pip==23.2.1 # newer ones refuse the package's list of dependencies
env/bin/pip install -q --disable-pip-version-check pyraftlog==3.0.0 msgpack==1.1.0 redis==5.2.1 2>/dev/null
cat >finding.py <<'PYTHON'
import logging
import sys
import time

import pyraftlog
from pyraftlog import NODE_MODE_ACTIVE, InMemoryTransport, Node, Storage
from pyraftlog.log import Log

mended = sys.argv[1:] == ["mended"]
print("pyraftlog", pyraftlog.__version__.strip(), "with measuring mended" if mended else "as it is")
logging.disable(logging.CRITICAL)
if mended:
    Log.chunk = lambda log, index, count, size: log.slice(index, count)


class Transport(InMemoryTransport):
    during_heartbeat, cut = None, False

    def publish(self, node, message):
        if Transport.cut:
            return None
        answer = super().publish(node, message)
        if Transport.during_heartbeat and node.is_leader() and not message.data["entries"]:
            Transport.cut = True  # what follows the answer is lost
            node.append_entry(Transport.during_heartbeat)
            Transport.during_heartbeat = None
        return answer


def wait(condition):
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    raise SystemExit("not within 30 seconds")


def log(node):
    return [entry.value for entry in node.state.log.slice(1)]


def leader():
    wait(lambda: sum(node.active and node.is_leader() for node in nodes) == 1)
    [found] = [node for node in nodes if node.active and node.is_leader()]
    wait(lambda: all(node.get_leader() == found.name for node in nodes if node.active))
    return found


def show(what):
    print(what)
    for node in nodes:
        role = "stopped" if not node.active else "leader" if node.is_leader() else "follower"
        applied = log(node)[: node.state.last_applied]
        print(f"  {node.name}, {role}: log {log(node)}, applied {applied}")


names = ["a", "b", "c"]
nodes = [Node(NODE_MODE_ACTIVE, name, names, Storage()) for name in names]
for node in nodes:
    node.activate(Transport())
first = leader()
others = [node for node in nodes if node is not first]

if mended:
    before = ["payment 1", "payment 2", "payment 3"]
    for payment in before:
        first.append_entry(payment)
    wait(lambda: all(node.state.last_applied == 3 for node in nodes))
    Transport.during_heartbeat = "payment 4"
    wait(lambda: first.state.last_applied == 4)
else:
    before = []
    first.append_entry("payment 1")
    wait(lambda: first.state.last_applied == 1)
    first.append_entry("payment 2")
    time.sleep(3)
    assert first.is_leader() and first.state.commit_index == 1
show("the leader has applied its last entry:")
assert all(log(node) == before for node in others)
assert first.state.last_applied == len(before) + 1

first.shutdown()
Transport.cut = False
second = leader()
number = second.append_entry("another")
wait(lambda: second.state.last_applied == number)
show("the leader has stopped, and the next one has applied an entry:")
assert number == len(before) + 1 == first.state.last_applied
assert log(first)[number - 1] != log(second)[number - 1]
PYTHON
env/bin/python finding.py
env/bin/python finding.py mended
echo "as described: one copy is a majority"
