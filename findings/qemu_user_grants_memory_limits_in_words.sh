#!/usr/bin/env bash
# qemu-user: a program that limits its own memory is told that the limit is set, and none is.
#
# Guess: setrlimit of an emulated program does what it does on the kernel, or fails. A limit that is accepted holds.
# Happens: RLIMIT_AS, RLIMIT_DATA and RLIMIT_STACK are thrown away, since they would count qemu's own memory too. The call
# returns 0 all the same; getrlimit says "unlimited" right after it, and memory beyond the limit is given. Other limits, as
# RLIMIT_NOFILE, are set.
# Hurts: tests under emulation of what a program does when memory runs out: they pass and have tried nothing. Sandboxes that
# an emulated program makes for what it starts: they have no walls.
# Way out: set the limit outside, before qemu starts (ulimit -v in the shell, with qemu's own memory on top), or a cgroup.
#
# Needs Debian's qemu-user-static and gcc-aarch64-linux-gnu, which root installs, and a C compiler.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
if ! command -v qemu-aarch64-static >/dev/null || ! command -v aarch64-linux-gnu-gcc >/dev/null; then
  apt-get update -qq >/dev/null 2>&1 || true
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends qemu-user-static gcc-aarch64-linux-gnu \
    libc6-dev-arm64-cross >/dev/null 2>&1
fi
cat >limit.c <<'C'
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define MIB (1UL << 20)

static void set(const char *name, int which, unsigned long wanted) {
    struct rlimit limit = {wanted, wanted}, after;
    int answer = setrlimit(which, &limit);
    getrlimit(which, &after);
    printf("  %s: setrlimit answers %d, and the limit is %s\n", name, answer, after.rlim_cur == wanted ? "set" : "not set");
}

int main(void) {
    set("RLIMIT_NOFILE", RLIMIT_NOFILE, 64);
    set("RLIMIT_DATA", RLIMIT_DATA, 64 * MIB);
    set("RLIMIT_AS", RLIMIT_AS, 64 * MIB);
    char *memory = mmap(NULL, 256 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED) memset(memory, 1, 256 * MIB);
    printf("  256 MiB: %s\n", memory == MAP_FAILED ? "refused" : "given");
    return 0;
}
C
qemu-aarch64-static --version | head -1
cc -O1 -o native limit.c
aarch64-linux-gnu-gcc -O1 -static -o emulated limit.c
native=$(./native)
emulated=$(qemu-aarch64-static ./emulated)
outside=$(ulimit -v 400000 && qemu-aarch64-static ./emulated)
printf 'on the kernel itself:\n%s\nunder qemu:\n%s\nunder qemu, limited before it starts:\n%s\n' "$native" "$emulated" "$outside"
grep -q 'RLIMIT_AS: setrlimit answers 0, and the limit is set' <<<"$native"
grep -q '256 MiB: refused' <<<"$native"
grep -q 'RLIMIT_NOFILE: setrlimit answers 0, and the limit is set' <<<"$emulated"
grep -q 'RLIMIT_DATA: setrlimit answers 0, and the limit is not set' <<<"$emulated"
grep -q 'RLIMIT_AS: setrlimit answers 0, and the limit is not set' <<<"$emulated"
grep -q '256 MiB: given' <<<"$emulated"
grep -q '256 MiB: refused' <<<"$outside"
echo 'as described: the limit is accepted and not set'
