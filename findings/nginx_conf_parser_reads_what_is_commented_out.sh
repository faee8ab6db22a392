#!/usr/bin/env bash
# nginx-conf-parser (Python): what is commented out is in force, and a second file has the user and the logs of the first.
#
# Guess: "a python library for parsing Nginx configuration files": "#" begins a comment, each object has what its own text says and else nginx's
# defaults, and a directive is found under its name.
# Happens: directives are searched in the whole text, comments included: "# daemon off;" is daemon off, and a server of an upstream that was taken
# out of service by "#" is one of its servers. A server without parameters has ";" in its address and the next line as its parameters: of three
# plain servers two are found. user, error_log and thread_pool are kept in the class: a file that does not name them has those of the
# file read before. "worker_processes auto" is 1. keepalive_requests is not kept (the attribute says 100), and keepalive_timeout is 60s.
# Hurts: tools that check or list the proxies before nodes: a dead peer counts as a backend, all hosts have the first one's user, and
# settings that differ from the defaults are shown as the defaults.
# Way out: one process a file and the comments stripped first; or crossplane (shown beside it).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check nginx-conf-parser==0.1.1 crossplane==0.5.8
env/bin/python - <<'PYTHON'
from importlib.metadata import version

import crossplane
from nginx_conf_parser.main_context import MainContext
from nginx_conf_parser.upstream_context import UpstreamContext

print("nginx-conf-parser", version("nginx-conf-parser"), "crossplane", version("crossplane"))


def main(text):
    context = MainContext()
    context.load(text)
    return {name: getattr(context, name) for name in ("user", "error_log", "daemon", "worker_processes", "worker_priority")}


def elsewhere(text, block=False):
    with open("nginx.conf", "w") as file:
        file.write(text)
    parsed = crossplane.parse("nginx.conf", single=True, comments=False)["config"][0]["parsed"]
    parsed = parsed[0]["block"][0]["block"] if block else parsed
    return [(one["directive"], one["args"]) for one in parsed if one["directive"] != "#"]


first = "user node staff;\nerror_log logs/node.log warn;\n# daemon off;\nworker_processes auto;\nworker_priority -5;\n"
second = "worker_processes 4;\n"
fresh = main(second)
print("the second file alone:", fresh)
assert (fresh["user"]["user"], fresh["error_log"]["level"], fresh["worker_processes"]) == ("nobody", "error", 4)
found = main(first)
print("the first:", found, "by crossplane:", elsewhere(first))
assert (found["daemon"], found["worker_processes"], found["worker_priority"]) == ("off", 1, 0)
after = main(second)
print("the second file after it:", after, "by crossplane:", elsewhere(second))
assert (after["user"], after["error_log"]) == ({"user": "node", "group": "staff"}, {"file": "logs/node.log", "level": "warn"})
assert [name for name, _ in elsewhere(first)] == ["user", "error_log", "worker_processes", "worker_priority"]

def upstream(*lines):
    nodes = UpstreamContext("nodes", "\n".join(lines))
    inside = elsewhere("http { upstream nodes {\n" + "\n".join(lines) + "\n} }\n", block=True)
    right = [args[0] for name, args in inside if name == "server"]
    print("upstream:", [server["address"] for server in nodes.servers], "by crossplane:", right)
    return [server["address"] for server in nodes.servers], right, (nodes.keepalive_requests, nodes.keepalive_timeout)


one, two, three = (f"192.0.2.{number}:4130" for number in (1, 2, 3))
found, right, _ = upstream(f"server {one} weight=2;", f"# server {two} weight=2;", f"server {three} weight=1;")
assert (found, right) == ([one, two, three], [one, three])
found, right, _ = upstream(*(f"server {address};" for address in (one, two, three)))
assert (found, right) == ([f"{one};", f"{three};"], [one, two, three])
kept = upstream(f"server {one} weight=2;", "keepalive_requests 7;", "keepalive_timeout 20s;")[2]
print("keepalive_requests 7 and keepalive_timeout 20s:", kept)
assert kept == (100, "60s")
print("as described: comments and the former file are in force")
PYTHON
