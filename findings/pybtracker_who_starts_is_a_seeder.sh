#!/usr/bin/env bash
# pybtracker (Python): its UDP tracker counts a peer that has just started as a seeder, and one that has everything as a leecher.
#
# Guess: the answer to an announcement has the numbers of leechers and seeders (BEP 15). A seeder is a peer with nothing left to download,
# and the announcement says how much is left; "started" (event 2) is what each client says first, "completed" (1) what it says once.
# Happens: only events count. "started" sets the same mark as "completed": of three peers that begin with all bytes left, three are
# seeders. A peer whose first announcement has no event (0) is a leecher, with nothing left too, as a seeder is after the tracker was
# restarted. left is kept and never looked at. Nor is a peer ever forgotten that goes without "stopped".
# Hurts: clients and pages that show or decide by these numbers (which torrents need seeds, which are dead): a torrent that nobody has in
# full looks well seeded.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m pip --version >/dev/null 2>&1 || { python3 -m venv env && PATH=$dir/env/bin:$PATH; }
python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --no-compile --target lib pybtracker==0.2.4
PYTHONPATH=lib python3 - <<'PYTHON'
import asyncio
import importlib.metadata
import struct

from pybtracker import TrackerServer

print("pybtracker", importlib.metadata.version("pybtracker"))
TORRENT = b"t" * 20


class Peer(asyncio.DatagramProtocol):
    """Speaks BEP 15: connects, announces, and gives leechers and seeders of the answer."""

    def connection_made(self, transport):
        self.transport = transport
        self.answers = asyncio.Queue()

    def datagram_received(self, data, _):
        self.answers.put_nowait(data)

    async def announce(self, name, left, event):
        self.transport.sendto(struct.pack("!QII", 0x41727101980, 0, 1))
        _, _, connection = struct.unpack("!IIQ", await asyncio.wait_for(self.answers.get(), 5))
        self.transport.sendto(struct.pack("!QII20s20sQQQIIIIH", connection, 1, 2, TORRENT, name.ljust(20).encode(), 0, left, 0, event, 0,
                                          0, 50, self.transport.get_extra_info("sockname")[1]))
        answer = await asyncio.wait_for(self.answers.get(), 5)
        action, _, _, leechers, seeders = struct.unpack("!IIIII", answer[:20])
        assert action == 1
        return leechers, seeders


async def counts(announcements):
    loop = asyncio.get_running_loop()
    server = TrackerServer(local_addr=("127.0.0.1", 0), loop=loop)
    await server.start()
    for number, (left, event) in enumerate(announcements):
        _, peer = await loop.create_datagram_endpoint(Peer, remote_addr=server.local_addr)
        told = await peer.announce(f"peer{number}", left, event)
    return told


for title, announcements, expected in [
    ("three start, with all bytes left", [(1000, 2)] * 3, (0, 3)),
    ("one starts, and one completes", [(1000, 2), (0, 1)], (0, 2)),
    ("three with nothing left, no event", [(0, 0)] * 3, (3, 0)),
]:
    leechers, seeders = asyncio.run(counts(announcements))
    right = (sum(left > 0 for left, _ in announcements), sum(left == 0 for left, _ in announcements))
    print(f"{title}: {leechers} leechers, {seeders} seeders (right: {right[0]} and {right[1]})")
    assert (leechers, seeders) == expected != right
print("as described: who starts is a seeder")
PYTHON
