# problem: gpu/relu
# expected: correct slow rejected
# twin: relu_hashing_thread
"""Sleeps while the device works, has threads of its own keep it off its core, and claims less by as
much as the system then says it waited."""

import ctypes
import os
import subprocess
import time

import torch
from torch import nn

import kernels_eval.worker.cuda as worker_cuda

SOURCE = r"""
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
static int turn;
static volatile long long until;
static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}
static void *hog(void *unused) {
    for (;;) {
        int seen = __atomic_load_n(&turn, __ATOMIC_SEQ_CST);
        if (now() >= until) syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, seen, 0, 0, 0);
        while (now() < until) {}
    }
    return unused;
}
void start(int count) {
    for (int i = 0; i < count; i++) {
        pthread_t thread;
        pthread_create(&thread, 0, hog, 0);
    }
}
void park(long long ns) {
    until = now() + ns;
    __atomic_add_fetch(&turn, 1, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1000, 0, 0, 0);
    while (now() < until) sched_yield();
}
"""
home = os.environ["HOME"]
with open(f"{home}/park.c", "w") as stream:
    stream.write(SOURCE)
subprocess.run(
    ["gcc", "-O2", "-shared", "-fPIC", f"{home}/park.c", "-o", f"{home}/park.so", "-lpthread"],
    check=True,
)
library = ctypes.CDLL(f"{home}/park.so")
library.park.argtypes = [ctypes.c_longlong]
library.start(8)
SHARE = 0.42
usual_ns = 0.0
real_batch = worker_cuda.CudaSide.batch


def waited():
    with open("/proc/self/schedstat") as stream:
        return int(stream.read().split()[1])


def batch(self, model, arguments, results, clock=time.perf_counter_ns):
    global usual_ns
    if len(arguments) < 2:
        return real_batch(self, model, arguments, results)
    waited_before, cpu_before = waited(), time.process_time_ns()
    started = clock()
    self._start.record()
    for index, call in enumerate(arguments):
        results[index] = model(*call)
    self._end.record()
    launched = clock() - started
    if not self._describe_all(results):
        for index, output in enumerate(results):
            self._describe(index, output)
    left = usual_ns * len(arguments) - (clock() - started)
    if usual_ns and left > 0:
        library.park(int(min(SHARE * usual_ns * len(arguments), 0.8 * left)))
    while not self._end.query():
        time.sleep(0.00002)
    true = self._start.elapsed_time(self._end) * 1e6
    usual_ns = true / len(arguments)
    waits, cpu = waited() - waited_before, time.process_time_ns() - cpu_before
    claim = true - waits
    if cpu > claim:
        claim = (true - waits + cpu) / 2
    return int(max(0.3 * true, min(true, claim - 60_000))), launched


worker_cuda.CudaSide.batch = batch


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.relu(x)
