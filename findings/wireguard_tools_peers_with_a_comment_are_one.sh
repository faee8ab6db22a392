#!/usr/bin/env bash
# wireguard-tools (Python): after "[Peer] # name" two peers become one, which has the networks of both.
#
# Guess: a "pure Python reimplementation of wireguard-tools" reads what wg(8) reads: "#" begins a comment anywhere, spaces around a line mean
# nothing, FwMark may be hexadecimal and PersistentKeepalive "off". What cannot be read is an error.
# Happens: a section begins only where "[Peer]" is all of the line. With a comment (or a space) behind it, the line is skipped and
# its keys belong to the section before: of two peers the second one's key counts, and it has the AllowedIPs of both. If this is the first peer,
# all its keys belong to the interface, which drops them. Indented keys are dropped too, so that a peer has no networks. No
# error is raised. A comment behind a value, FwMark = 0xca6c and PersistentKeepalive = off are ValueErrors.
# Hurts: tools that add a peer to a file that people wrote and write it again: packets to one node go to another, a node cannot be reached
# or the tunnel has no peers, although wg took the same file for years.
# Way out: strip comments and spaces from each line first. wgconfig (shown beside it) and wg itself read such files right.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check wireguard-tools==0.6.0 wgconfig==1.2.0
env/bin/python - <<'PYTHON'
import io
from base64 import b64encode
from importlib.metadata import version

from wgconfig import WGConfig
from wireguard_tools import WireguardConfig

print("wireguard-tools", version("wireguard-tools"), "wgconfig", version("wgconfig"))
mine, first, second = (b64encode(bytes([byte]) * 31 + b"\x40").decode() for byte in (1, 2, 3))
names = {first: "first", second: "second"}


def text(one="[Peer]", two="[Peer]", indent="", behind="", extra=""):
    return f"""[Interface]
PrivateKey = {mine}
{extra}
{one}
PublicKey = {first}
{indent}AllowedIPs = 10.0.0.2/32{behind}

{two}
PublicKey = {second}
{indent}AllowedIPs = 10.0.0.3/32
"""


def here(configuration):
    peers = WireguardConfig.from_wgconfig(io.StringIO(configuration)).peers.values()
    return {names[str(peer.public_key)]: [str(network) for network in peer.allowed_ips] for peer in peers}


def elsewhere(configuration):
    with open("wg0.conf", "w") as file:
        file.write(configuration)
    other = WGConfig("./wg0.conf")
    other.read_file()
    networks = {names[peer]: other.get_peer(peer)["AllowedIPs"] for peer in other.get_peers()}
    return {name: found if isinstance(found, list) else [found] for name, found in networks.items()}


right = {"first": ["10.0.0.2/32"], "second": ["10.0.0.3/32"]}
expected = {
    "as they are": (text(), right),
    "a comment behind the second [Peer]": (text(two="[Peer] # node 2"), {"second": ["10.0.0.2/32", "10.0.0.3/32"]}),
    "a comment behind the first [Peer]": (text(one="[Peer] # node 1"), {"second": ["10.0.0.3/32"]}),
    "indented AllowedIPs": (text(indent="  "), {"first": [], "second": []}),
}
for case, (configuration, wrong) in expected.items():
    found, other = here(configuration), elsewhere(configuration)
    print(f"{case}: {found}, by wgconfig {other}")
    assert (found, other) == (wrong, right)
for case in ({"behind": " # node 1"}, {"extra": "FwMark = 0xca6c"}, {"behind": "\nPersistentKeepalive = off"}):
    try:
        raise AssertionError(here(text(**case)))
    except ValueError as error:
        print(*case.values(), "is an error:", error)
print("as described: one peer has the networks of two")
PYTHON
