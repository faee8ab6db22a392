#!/usr/bin/env bash
# SQLite: a program of 32 bits cannot open a database whose file was changed after January 2038.
#
# Guess: the dates of a file are nothing to SQLite, which knows only what is in it. And SQLite asks for large files on 32
# bits by itself (_FILE_OFFSET_BITS=64), so that its look at a file is one of 64 bits.
# Happens: it looks at a file's kind and number with fstat, whose answer holds the dates too. With glibc's default of 32 bits
# for times the date does not fit, and fstat fails with EOVERFLOW. SQLite says "unable to open database file" (CANTOPEN),
# which stands for a missing folder or a missing right elsewhere. The file is in order; touch(1) with an earlier date mends it.
# Hurts: 32-bit ARM and x86 hosts today, where a clock that was wrong once dated the file, or the file came from a drive with
# such a date; and all of them from 2038 on. Programs that clear away a database that does not open lose it.
# Way out: compile sqlite3.c with -D_TIME_BITS=64 (glibc 2.34 or newer), or with musl 1.2.
#
# Needs npm, and Debian's qemu-user-static and gcc-arm-linux-gnueabihf, which root installs.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
if ! command -v qemu-arm-static >/dev/null || ! command -v arm-linux-gnueabihf-gcc >/dev/null; then
  apt-get update -qq >/dev/null 2>&1 || true
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends qemu-user-static gcc-arm-linux-gnueabihf \
    libc6-dev-armhf-cross >/dev/null 2>&1
fi
# The package holds SQLite's own source, unchanged, in one file.
npm pack --silent better-sqlite3@12.4.1 >/dev/null
tar xzf better-sqlite3-12.4.1.tgz package/deps/sqlite3
cat >open.c <<'C'
#include <stdio.h>
#include "sqlite3.h"

int main(void) {
    sqlite3 *db;
    int code = sqlite3_open("x.db", &db);
    if (code == SQLITE_OK) code = sqlite3_exec(db, "CREATE TABLE IF NOT EXISTS t (x); SELECT * FROM t", 0, 0, 0);
    printf("%s\n", code == SQLITE_OK ? "opened" : sqlite3_errmsg(db));
    return 0;
}
C
compile() { # NAME FLAGS…
  arm-linux-gnueabihf-gcc -O0 -static -Ipackage/deps/sqlite3 -DSQLITE_THREADSAFE=0 -DSQLITE_OMIT_LOAD_EXTENSION "${@:2}" \
    open.c package/deps/sqlite3/sqlite3.c -lm -o "$1"
}
grep -m1 -o 'SQLITE_VERSION  *"[0-9.]*"' package/deps/sqlite3/sqlite3.h
arm-linux-gnueabihf-gcc --version | head -1
compile plain &
compile wide -D_TIME_BITS=64 -D_FILE_OFFSET_BITS=64
wait
say() { printf '  %-34s %s\n' "$1" "$2"; }
first=$(qemu-arm-static ./plain)
touch -d 2038-01-01 x.db
before=$(qemu-arm-static ./plain)
touch -d 2040-01-01 x.db
after=$(qemu-arm-static ./plain)
wide=$(qemu-arm-static ./wide)
touch -d 2038-01-01 x.db
again=$(qemu-arm-static ./plain)
say 'a new file:' "$first"
say 'dated 2038-01-01:' "$before"
say 'dated 2040-01-01:' "$after"
say 'the same, with 64-bit times:' "$wide"
say 'dated 2038-01-01 again:' "$again"
[ "$first/$before/$again" = opened/opened/opened ]
[ "$after" = 'unable to open database file' ]
[ "$wide" = opened ]
echo 'as described: the date of a file keeps SQLite from opening it'
