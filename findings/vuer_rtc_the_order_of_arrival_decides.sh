#!/usr/bin/env bash
# vuer-rtc (Python): of its merge strategies only two of a kind converge; of all others each client keeps its own result.
#
# Guess: "All strategies are deterministic: given the same set of operations (in any order), every client converges to the same state",
# says its page, and lists number.set, add, multiply, min, max, boolean.or, and, array.union, object.merge.
# Happens: messages are applied in the order in which they arrive, each client's own ones first, and the Lamport time decides only between
# two settings. One client sets a number to 10 and the other one adds 3 at the same time: 13 here, 10 there, for good. The same for add and
# multiply, min and max, min and add, or and and, and for object.merge of one key, which keeps what came last. Texts and lists have
# another order at each client. Two settings, and additions alone (as in the page's example), converge.
# Hurts: shared scenes and counters: "no manual conflict resolution required", and no client ever learns that it has another state.
# (The page's create_graph is called createGraph in the package, get_state getState, and so on.)
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check vuer-rtc==0.0.2 msgpack==1.1.0
env/bin/python - <<'PYTHON'
import importlib.metadata

from vuer_rtc import createGraph

print("vuer-rtc", importlib.metadata.version("vuer-rtc"))


def exchange(start, *values):
    """Both clients edit one property at the same time and then exchange their messages; gives the property at each."""
    clients = [createGraph(name, on_send=lambda message: None) for name in ("alice", "bob")]
    clients[0].edit({"ot": "node.insert", "key": "", "path": "children", "value": {"key": "object", "tag": "Mesh", "value": start}})
    clients[1].receive(clients[0].commit("create"))
    messages = []
    for client, (kind, value) in zip(clients, values):
        client.edit({"ot": kind, "key": "object", "path": "value", "value": value})
        messages.append(client.commit(kind))
    clients[0].receive(messages[1])
    clients[1].receive(messages[0])
    clients[0].receive(messages[1])  # once more, which changes nothing
    return [client.getState().graph.nodes["object"].getProperty("value") for client in clients]


for start, one, other, found in [
    (100, ("number.add", -25), ("number.add", -10), [65, 65]),
    (0, ("number.set", 10), ("number.set", 3), [3, 3]),
    (0, ("number.set", 10), ("number.add", 3), [13, 10]),
    (5, ("number.add", 1), ("number.multiply", 2), [12, 11]),
    (5, ("number.min", 2), ("number.max", 3), [3, 2]),
    (5, ("number.min", 2), ("number.add", 3), [5, 2]),
    (False, ("boolean.or", True), ("boolean.and", False), [False, True]),
    ({}, ("object.merge", {"colour": "red"}), ("object.merge", {"colour": "blue"}), [{"colour": "blue"}, {"colour": "red"}]),
    ([], ("array.union", [1]), ("array.union", [2]), [[1, 2], [2, 1]]),
    ("a", ("string.concat", "b"), ("string.concat", "c"), ["abc", "acb"]),
]:
    made = exchange(start, one, other)
    print(f"{start!r}, then {one} and {other}: {made[0]!r} here, {made[1]!r} there")
    assert made == found
print("as described: the order of arrival decides")
PYTHON
