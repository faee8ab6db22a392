"""A FUSE file system that passes everything on to a folder, but lacks what some file systems lack. Python only; needs root.

    python3 fuse.py FOLDER MOUNTPOINT [direct_io] [no_modes]

direct_io: files cannot be mapped into memory that processes share, as on 9p and some network file systems.
no_modes: every file has mode 0777, and no mode can be set, as on vfat.

Prints "ready" when it is mounted, and serves until it is unmounted. The protocol is that of linux/fuse.h, version 7.31.
"""

import ctypes
import errno
import os
import stat
import struct
import sys

LOOKUP, FORGET, GETATTR, SETATTR, MKDIR, UNLINK, RMDIR, RENAME, LINK = 1, 2, 3, 4, 9, 10, 11, 12, 13
OPEN, READ, WRITE, STATFS, RELEASE, FSYNC, FLUSH, INIT = 14, 15, 16, 17, 18, 20, 25, 26
OPENDIR, READDIR, RELEASEDIR, FSYNCDIR, CREATE, INTERRUPT, BATCH_FORGET, RENAME2 = 27, 28, 29, 30, 35, 36, 42, 45
SET_MODE, SET_SIZE, SET_HANDLE = 1, 8, 64
DIRECT_IO = 1
MAX_WRITE = 128 * 1024


class Server:
    def __init__(self, folder, options):
        self.paths = {1: folder}
        self.handles = {}
        self.direct_io, self.no_modes = "direct_io" in options, "no_modes" in options

    def child(self, node, name):
        return os.path.join(self.paths[node], os.fsdecode(name.split(b"\0")[0]))

    def attributes(self, facts):
        mode = facts.st_mode | 0o777 if self.no_modes else facts.st_mode
        times = [facts.st_atime_ns, facts.st_mtime_ns, facts.st_ctime_ns]
        return struct.pack(
            "<6Q10I", facts.st_ino, facts.st_size, facts.st_blocks, *(time // 10**9 for time in times),
            *(time % 10**9 for time in times), mode, facts.st_nlink, facts.st_uid, facts.st_gid, 0, facts.st_blksize, 0)

    def entry(self, path):
        facts = os.lstat(path)
        self.paths[facts.st_ino] = path
        return struct.pack("<4Q2I", facts.st_ino, 0, 0, 0, 0, 0) + self.attributes(facts)

    def opened(self, descriptor):
        self.handles[descriptor] = descriptor
        return struct.pack("<QII", descriptor, DIRECT_IO if self.direct_io else 0, 0)

    def moved(self, old, new):
        for node, path in list(self.paths.items()):
            if path == old or path.startswith(old + "/"):
                self.paths[node] = new + path[len(old):]

    def answer(self, opcode, node, body):
        if opcode == INIT:
            flags = struct.unpack_from("<4I", body)[3] & (1 << 5)  # writes larger than a page
            return struct.pack("<4IHHIIHHI7I", 7, 31, 0, flags, 16, 12, MAX_WRITE, 1, 32, 0, 0, *[0] * 7)
        if opcode == LOOKUP:
            return self.entry(self.child(node, body))
        if opcode == GETATTR:
            return struct.pack("<QII", 0, 0, 0) + self.attributes(os.lstat(self.paths[node]))
        if opcode == SETATTR:
            return self.set_attributes(node, body)
        if opcode == MKDIR:
            path = self.child(node, body[8:])
            os.mkdir(path, struct.unpack_from("<I", body)[0])
            return self.entry(path)
        if opcode == UNLINK:
            return os.unlink(self.child(node, body)) or b""
        if opcode == RMDIR:
            return os.rmdir(self.child(node, body)) or b""
        if opcode in (RENAME, RENAME2):
            into = struct.unpack_from("<Q", body)[0]
            old, new = body[8 if opcode == RENAME else 16:].split(b"\0")[:2]
            old, new = self.child(node, old), self.child(into, new)
            os.rename(old, new)
            return self.moved(old, new) or b""
        if opcode in (OPEN, CREATE):
            return self.open(opcode, node, body)
        if opcode == READ:
            handle, offset, size = struct.unpack_from("<QQI", body)
            return os.pread(handle, size, offset)
        if opcode == WRITE:
            handle, offset, size = struct.unpack_from("<QQI", body)
            return struct.pack("<II", os.pwrite(handle, body[40:40 + size], offset), 0)
        if opcode == STATFS:
            facts = os.statvfs(self.paths[node])
            return struct.pack("<5Q4I6I", facts.f_blocks, facts.f_bfree, facts.f_bavail, facts.f_files, facts.f_ffree,
                               facts.f_bsize, facts.f_namemax, facts.f_frsize, 0, *[0] * 6)
        if opcode == RELEASE:
            handle = struct.unpack_from("<Q", body)[0]
            return os.close(self.handles.pop(handle)) or b""
        if opcode in (FSYNC, FLUSH, OPENDIR, RELEASEDIR, FSYNCDIR):
            return struct.pack("<QII", 0, 0, 0) if opcode == OPENDIR else b""
        if opcode == READDIR:
            return self.read_folder(node, body)
        raise OSError(errno.ENOSYS, "not needed")

    def open(self, opcode, node, body):
        flags = struct.unpack_from("<I", body)[0] & ~(os.O_NOFOLLOW | os.O_EXCL | os.O_CREAT)
        if opcode == OPEN:
            return self.opened(os.open(self.paths[node], flags))
        path = self.child(node, body[16:])
        descriptor = os.open(path, flags | os.O_CREAT, struct.unpack_from("<I", body, 4)[0])
        return self.entry(path) + self.opened(descriptor)

    def set_attributes(self, node, body):
        valid, _, handle, size = struct.unpack_from("<IIQQ", body)
        mode = struct.unpack_from("<I", body, 68)[0]
        if valid & SET_SIZE:
            os.truncate(handle if valid & SET_HANDLE else self.paths[node], size)
        if valid & SET_MODE and not self.no_modes:
            os.chmod(self.paths[node], stat.S_IMODE(mode))
        return struct.pack("<QII", 0, 0, 0) + self.attributes(os.lstat(self.paths[node]))

    def read_folder(self, node, body):
        _, offset, size = struct.unpack_from("<QQI", body)
        found = b""
        for place, name in enumerate(sorted(os.listdir(self.paths[node])) if offset == 0 else [], 1):
            name = os.fsencode(name)
            found += struct.pack("<QQII", place + 1, place, len(name), 0) + name.ljust(-(-len(name) // 8) * 8, b"\0")
        return found[:size]


def main():
    folder, mountpoint, *options = sys.argv[1:]
    device = os.open("/dev/fuse", os.O_RDWR)
    libc = ctypes.CDLL(None, use_errno=True)
    settings = f"fd={device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()},allow_other"
    if libc.mount(b"passed-on", os.fsencode(mountpoint), b"fuse", 0, settings.encode()) != 0:
        sys.exit(f"cannot mount: {os.strerror(ctypes.get_errno())}")
    server = Server(folder, options)
    print("ready", flush=True)
    while True:
        try:
            request = os.read(device, MAX_WRITE + 4096)
        except OSError as error:
            if error.errno == errno.ENODEV:
                return
            if error.errno in (errno.EINTR, errno.ENOENT):
                continue
            raise
        _, opcode, unique, node = struct.unpack_from("<IIQQ", request)
        if opcode in (FORGET, BATCH_FORGET, INTERRUPT):
            continue
        try:
            code, answer = 0, server.answer(opcode, node, request[40:])
        except OSError as error:
            code, answer = error.errno, b""
        try:
            os.write(device, struct.pack("<IiQ", 16 + len(answer), -code, unique) + answer)
        except OSError as error:
            if error.errno != errno.ENOENT:  # the request was interrupted
                raise


main()
