# problem: relu
# expected: rejected
# twin: relu_hashing_thread
"""A timer continues it while the reference is timed, and its threads want the reference's core."""

import ctypes
import os
import signal
import subprocess

import torch
from torch import nn

import kernels_eval.worker.cuda as worker_cuda

SOURCE = r"""
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
static int on;
static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}
static void *hog(void *unused) {
    for (;;) {
        if (!__atomic_load_n(&on, __ATOMIC_SEQ_CST))
            syscall(SYS_futex, &on, FUTEX_WAIT_PRIVATE, 0, 0, 0, 0);
        usleep(3000); /* the judge stops it in here */
        long long until = now() + 60000000;
        while (__atomic_load_n(&on, __ATOMIC_SEQ_CST) && now() < until) {
            long long in_turn = now() % 3000000;
            if (in_turn >= 2000000) usleep((3000000 - in_turn) / 1000);
        }
        while (__atomic_load_n(&on, __ATOMIC_SEQ_CST))
            syscall(SYS_futex, &on, FUTEX_WAIT_PRIVATE, 1, 0, 0, 0);
    }
    return unused;
}
void start(int count) {
    for (int i = 0; i < count; i++) {
        pthread_t thread;
        pthread_create(&thread, 0, hog, 0);
    }
}
void let(int wanted) {
    __atomic_store_n(&on, wanted, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, &on, FUTEX_WAKE_PRIVATE, 1000, 0, 0, 0);
}
"""
home = os.environ["HOME"]
with open(f"{home}/hog.c", "w") as stream:
    stream.write(SOURCE)
subprocess.run(
    ["gcc", "-O2", "-shared", "-fPIC", f"{home}/hog.c", "-o", f"{home}/hog.so", "-lpthread"],
    check=True,
)
library = ctypes.CDLL(f"{home}/hog.so")
library.start(2)
libc = ctypes.CDLL(None)


class Event(ctypes.Structure):
    _fields_ = [
        ("value", ctypes.c_void_p),
        ("signal", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("rest", ctypes.c_char * 48),
    ]


timer = ctypes.c_void_p()
event = Event(None, signal.SIGCONT, 0, b"")
assert libc.timer_create(1, ctypes.byref(event), ctypes.byref(timer)) == 0


def arm(first_ns, again_ns):
    libc.timer_settime(timer, 0, (ctypes.c_long * 4)(0, again_ns, 0, first_ns), None)


def ready(self, count):
    library.let(0)
    arm(0, 0)
    self._synchronize()


def batch(self, model, arguments, results, *clock):
    answer = real_batch(self, model, arguments, results, *clock)
    if len(arguments) > 8:  # no warm-up
        arm(4_000_000, 0)
        library.let(1)  # the judge stops it in a moment, and the timer lets it go on, once
    return answer


real_batch = worker_cuda.CudaSide.batch
worker_cuda.CudaSide.ready = ready
worker_cuda.CudaSide.batch = batch


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.relu(x)
