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
# Needs root, /dev/fuse, libfuse3 (Debian: libfuse3-3), Python 3 with venv and PyPI.
set -euo pipefail
dir=$(mktemp -d)
server=
trap 'umount -l "$dir/mounted" 2>/dev/null || true; [ -z "$server" ] || kill "$server" 2>/dev/null || true; wait; rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check apsw==3.54.1.0 mfusepy==3.1.1
mkdir below mounted
cat >below.py <<'P'
import errno, os, sys
import mfusepy as fuse

class Below(fuse.Operations):
    use_ns = True
    """Files of another folder, passed through; nothing else."""
    def __init__(self, root):
        self.root = os.path.realpath(root)
    def at(self, path):
        return os.path.join(self.root, path.lstrip("/"))
    def getattr(self, path, fh=None):
        try:
            st = os.lstat(self.at(path))
        except FileNotFoundError:
            raise fuse.FuseOSError(errno.ENOENT)
        names = ("st_mode", "st_nlink", "st_uid", "st_gid", "st_size")
        return {name: getattr(st, name) for name in names}
    def create(self, path, mode, fi=None):
        return os.open(self.at(path), os.O_RDWR | os.O_CREAT, mode)
    def open(self, path, flags):
        return os.open(self.at(path), os.O_RDWR)
    def read(self, path, size, offset, fh):
        return os.pread(fh, size, offset)
    def write(self, path, data, offset, fh):
        return os.pwrite(fh, data, offset)
    def truncate(self, path, length, fh=None):
        os.truncate(self.at(path), length)
        return 0
    def unlink(self, path):
        os.unlink(self.at(path))
        return 0
    def release(self, path, fh):
        os.close(fh)
        return 0

fuse.FUSE(Below(sys.argv[1]), sys.argv[2], foreground=True, nothreads=True, direct_io=True)
P
env/bin/python below.py below mounted &
server=$!
for _ in $(seq 100); do ! mountpoint -q mounted || break; sleep 0.1; done
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
