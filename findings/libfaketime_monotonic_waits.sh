#!/usr/bin/env bash
# With FAKETIME_DONT_FAKE_MONOTONIC=1, libfaketime still spoils waits on the monotonic clock.
#
# Guess: the option leaves CLOCK_MONOTONIC alone, so a program whose deadlines are monotonic behaves as without libfaketime
# and sees a wrong wall clock only. It is what one sets to try a wrong clock on a server.
# Happens: clock_gettime is left alone, but an absolute clock_nanosleep on CLOCK_MONOTONIC gives EINVAL at once, and
# pthread_cond_timedwait with a monotonic condition variable times out at once, with an offset of three seconds already.
# sem_clockwait and pthread_cond_clockwait, which libfaketime does not know, are right. Python's time.sleep (3.11 and later) raises OSError.
# Hurts: tests of wrong clocks: waits become busy loops, which look like faults of the program under test.
# (Needs apt of Debian 12, where the pinned package is from, a C compiler and Python.)
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
chmod 755 . # apt drops its rights to download
apt-get download -q libfaketime=0.9.10-2.1 >/dev/null 2>&1
dpkg-deb -x libfaketime_*.deb tree
library=$(find "$dir/tree" -name libfaketime.so.1)
cat >waits.c <<'C'
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;

/* Seconds, from the kernel itself: libfaketime is not asked. */
static double seconds(void) {
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_BOOTTIME, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

static void one_second(const char *name, int (*wait)(struct timespec *)) {
    struct timespec deadline;
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += 1;
    double start = seconds();
    int result = wait(&deadline);
    printf("%s: %s, %s\n", name, seconds() - start < 0.5 ? "at once" : "after its second", strerror(result));
}

static int nanosleep_until(struct timespec *at) { return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, at, NULL); }
static int timedwait(struct timespec *at) { return pthread_cond_timedwait(&changed, &mutex, at); }
static int clockwait(struct timespec *at) { return pthread_cond_clockwait(&changed, &mutex, CLOCK_MONOTONIC, at); }

int main(void) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&changed, &attributes);
    pthread_mutex_lock(&mutex);
    one_second("clock_nanosleep", nanosleep_until);
    one_second("pthread_cond_timedwait", timedwait);
    one_second("pthread_cond_clockwait", clockwait);
    return 0;
}
C
cc -O1 -o waits waits.c -lpthread
without=$(./waits)
with=$(FAKETIME=-3s FAKETIME_DONT_FAKE_MONOTONIC=1 LD_PRELOAD=$library ./waits)
printf 'without libfaketime:\n%s\nlibfaketime 0.9.10, three seconds behind, monotonic clock not faked:\n%s\n' "$without" "$with"
python=$(FAKETIME=-3s FAKETIME_DONT_FAKE_MONOTONIC=1 LD_PRELOAD=$library python3 -c '
import time
try:
    time.sleep(0.1)
    print("slept")
except OSError as error:
    print(error)')
echo "Python's time.sleep: $python"
[ "$(grep -c 'after its second' <<<"$without")" = 3 ]
grep -q '^clock_nanosleep: at once, Invalid argument$' <<<"$with"
grep -q '^pthread_cond_timedwait: at once, Connection timed out$' <<<"$with"
grep -q '^pthread_cond_clockwait: after its second' <<<"$with"
echo "as described: the monotonic clock is right, waits on it are not"
