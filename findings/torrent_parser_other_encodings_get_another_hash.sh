#!/usr/bin/env bash
# torrent-parser (Python): a torrent whose texts are not UTF-8 is another torrent after it was read and written; added keys stand last.
#
# Guess: parse_torrent_file(), data["announce-list"].append(...), create_torrent_file(): as its page shows, a tracker is added, and the
# torrent stays the one it was: the bytes of "info" are the same, keys are sorted (BEP 3).
# Happens: the reader obeys the field "encoding" (GBK, Shift_JIS, windows-1251...), and the writer does not: texts are written as UTF-8,
# while the field still names the other one. "info" has other bytes and another info hash, for which there are no peers, and whoever
# obeys the field sees other names. And keys are written in the order in which they came into the dict: a tracker list that was not there
# stands behind "info", which BEP 3 forbids.
# Hurts: whoever edits trackers of older torrents of Asia and Russia: files are there already and no client finds them.
# Way out: create_torrent_file(name, data, encoding=data["encoding"]), and dict(sorted(data.items())).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m pip --version >/dev/null 2>&1 || { python3 -m venv env && PATH=$dir/env/bin:$PATH; }
install() { python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps --no-compile --target "$@"; }
install lib torrent-parser==0.4.1 flatbencode==0.2.1
PYTHONPATH=lib python3 - <<'PYTHON'
import hashlib
import importlib.metadata

import flatbencode
from torrent_parser import create_torrent_file, parse_torrent_file

print(*(f"{name} {importlib.metadata.version(name)}" for name in ("torrent-parser", "flatbencode")))


def info_hash(file):
    """SHA-1 of "info" as it stands in the file, which ends with it."""
    data = open(file, "rb").read()
    return hashlib.sha1(data[data.index(b"4:info") + 6:-1]).hexdigest()


for encoding, name in [("UTF-8", "文件.txt"), ("GBK", "文件.txt"), ("Shift_JIS", "音楽.txt"), ("windows-1251", "книга.txt")]:
    info = {b"length": 5, b"name": name.encode(encoding), b"piece length": 16384, b"pieces": b"x" * 20}
    with open("old.torrent", "wb") as file:
        file.write(flatbencode.encode({b"announce-list": [[b"udp://one:1"]], b"encoding": encoding.encode(), b"info": info}))
    data = parse_torrent_file("old.torrent")
    assert data["info"]["name"] == name, "it is read well"
    data["announce-list"].append(["udp://two:2"])
    create_torrent_file("new.torrent", data)
    new = flatbencode.decode(open("new.torrent", "rb").read())
    seen = new[b"info"][b"name"].decode(new[b"encoding"].decode(), "replace")
    print(f"{encoding}: before {info_hash('old.torrent')}, after {info_hash('new.torrent')}; {name} is {seen}")
    assert (info_hash("old.torrent") == info_hash("new.torrent")) == (seen == name) == (encoding == "UTF-8")
    create_torrent_file("new.torrent", data, encoding=encoding)
    assert info_hash("old.torrent") == info_hash("new.torrent"), "the way out"

with open("old.torrent", "wb") as file:
    file.write(flatbencode.encode({b"info": info}))
data = parse_torrent_file("old.torrent")
data["announce"] = "udp://one:1"
create_torrent_file("new.torrent", data)
written = open("new.torrent", "rb").read()
print("a tracker is added:", written[:7], "...", written[-27:])
assert written.startswith(b"d4:info") and written.endswith(b"8:announce11:udp://one:1e")
right = flatbencode.encode(flatbencode.decode(written))
print("the same by another writer:", right[:30], "...")
assert right.startswith(b"d8:announce11:udp://one:1") and right != written
print("as described: what is written is not what was read")
PYTHON
