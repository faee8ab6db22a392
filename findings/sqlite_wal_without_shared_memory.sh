#!/usr/bin/env bash
# SQLite: on a file system without shared memory, `PRAGMA journal_mode = WAL` answers "wal", and nothing works from then on.
#
# Guess: the pragma answers with the mode that is in force. If the write-ahead log cannot work there, it says so: the old
# mode, or an error. Programs are told to compare its answer for that reason.
# Happens: where files cannot be mapped into shared memory (FUSE with direct_io, as sshfs has it; 9p), the pragma answers
# "wal" without an error and marks the file so. Each statement after it fails with "disk I/O error". The file cannot even be
# read from then on, and cannot be set back there, though the disk is in order and the old mode worked.
# Hurts: programs that set WAL at their start on network folders, containers' volumes and phones' storage: their users look
# for a broken disk. What is written before the pragma is locked away by it.
# Way out: try the mode on a scratch file first; or open with the VFS "unix-excl", which needs no shared memory.
#
# Needs root, /dev/fuse, Python 3 with venv and PyPI. tests/filesystems/fuse.py is a FUSE server in plain Python.
set -euo pipefail
server=$(realpath "$(dirname "$0")/../tests/filesystems/fuse.py")
dir=$(mktemp -d)
trap 'umount -l "$dir/mounted" 2>/dev/null || true; wait; rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check apsw==3.54.1.0
mkdir below mounted
python3 "$server" below mounted direct_io >ready &
for _ in $(seq 100); do grep -q ready ready && break; sleep 0.05; done
env/bin/python - mounted/x.db <<'P'
import sys
import apsw

def run(connection, sql):
    try:
        answer = [row[0] for row in connection.execute(sql)]
    except apsw.Error as error:
        answer = f"{type(error).__name__}: {error}"
    print(f"  {sql:42} {answer}")
    return answer

print("SQLite", apsw.sqlite_lib_version())
print("the file in its first mode:")
first = apsw.Connection(sys.argv[1])
assert run(first, "CREATE TABLE t (x)") == [] and run(first, "INSERT INTO t VALUES (1)") == []
answer = run(first, "PRAGMA journal_mode = WAL")
assert answer == ["wal"], "the pragma tells the truth now"
assert "IOError" in run(first, "INSERT INTO t VALUES (2)")
first.close()
print("opened again:")
second = apsw.Connection(sys.argv[1])
assert "IOError" in run(second, "SELECT x FROM t")
assert run(second, "PRAGMA journal_mode = DELETE") != ["delete"]
second.close()
print("with the VFS unix-excl:")
third = apsw.Connection(sys.argv[1], vfs="unix-excl")
assert run(third, "SELECT x FROM t") == [1]
third.close()
P
echo 'as described: the answer "wal" is no promise'
