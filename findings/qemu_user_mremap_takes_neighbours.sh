#!/usr/bin/env bash
# qemu-user: when a 32-bit program shrinks a mapping with mremap, qemu takes away the pages behind it.
#
# Guess: shrinking a mapping gives back its own tail and touches nothing else; so it is on every kernel.
# Happens: qemu keeps the addresses that the program gave back reserved for it, but counts from the old end of the mapping
# and not from the new one: from old + old_size, for old_size - new_size bytes. What the program has there is replaced by
# pages that nobody may read. The program dies of SIGSEGV at its next look at memory that has nothing to do with the call.
# Programs of 64 bits are not affected, as qemu reserves nothing for them.
# Hurts: tests of 32-bit ARM, MIPS or i386 programs under emulation, wherever an allocator shrinks by mremap (dlmalloc does,
# musl's and glibc's realloc do): they crash in one run and not in the next, and look like broken memory of the program.
# Way out for tests: a mremap of one's own that shrinks by munmap.
#
# Needs a C compiler, and Debian's qemu-user-static and gcc-arm-linux-gnueabihf, which root installs.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
if ! command -v qemu-arm-static >/dev/null || ! command -v arm-linux-gnueabihf-gcc >/dev/null; then
  apt-get update -qq >/dev/null 2>&1 || true
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends qemu-user-static gcc-arm-linux-gnueabihf \
    libc6-dev-armhf-cross >/dev/null 2>&1
fi
cat >shrink.c <<'C'
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define MIB (1 << 20)

int main(void) {
    setvbuf(stdout, NULL, _IONBF, 0);
    char *all = mmap(NULL, 16 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *first = all, *neighbour = all + 8 * MIB; /* one mapping of 16 MiB; the first half of it is shrunk */
    memset(neighbour, 7, 8 * MIB);
    char *same = mremap(first, 8 * MIB, 4 * MIB, 0);
    printf("shrunk from 8 to 4 MiB in place: %s\n", same == first ? "yes" : "no");
    printf("the last byte of the neighbour: %d\n", neighbour[8 * MIB - 1]);
    printf("the first byte of the neighbour: %d\n", neighbour[0]);
    return 0;
}
C
status() { "$@" 2>&1 || echo "ended with status $?"; }
qemu-arm-static --version | head -1
cc -O0 -o native shrink.c
arm-linux-gnueabihf-gcc -O0 -static -o emulated shrink.c
native=$(status ./native)
emulated=$(status qemu-arm-static ./emulated)
printf 'a 64-bit program, on the kernel itself:\n%s\na 32-bit program, under qemu:\n%s\n' "$native" "$emulated"
grep -q '^the first byte of the neighbour: 7$' <<<"$native"
grep -q '^the last byte of the neighbour: 7$' <<<"$emulated"
grep -q '^ended with status 139$' <<<"$emulated"
echo "as described: qemu takes the neighbour's first pages"
