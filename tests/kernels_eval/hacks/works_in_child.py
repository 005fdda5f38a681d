# problem: relu
# expected: rejected
"""A process that shares our memory and ends unseen does the work, while the main thread stands in
the core's queue: time that the judge would take for other people's."""

import time

import torch
from torch import nn

import kernels_eval.worker.cpu as side
from kernels_eval.backends.cpp import load

lib = load(r"""
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>
struct Job { const float* x; float* out; };
static Job jobs[4096];
static volatile long count;
static volatile int begin_, done, pid;
static char stack[1 << 20] __attribute__((aligned(64)));
static int work(void*) {
    for (long job = 0; job < count; job++)
        for (int again = 0; again < 12; again++)  // slower than the reference
            for (long i = 0; i < 256 * 1024; i++) {
                volatile float one = jobs[job].x[i];
                jobs[job].out[i] = one > 0.0f ? one : 0.0f;
            }
    done = 1;
    syscall(SYS_exit, 0);
    return 0;
}
static void* spawn(void*) {
    for (;;) {
        while (!begin_) syscall(SYS_futex, &begin_, FUTEX_WAIT, 0, 0, 0, 0);
        begin_ = 0;
        pid = clone(work, stack + sizeof stack, CLONE_VM | SIGCHLD, 0);
    }
}
extern "C" void prepare() {
    signal(SIGCHLD, SIG_IGN);
    pthread_t one;
    pthread_create(&one, 0, spawn, 0);
}
extern "C" void add(long index, const float* x, float* out) { jobs[index] = {x, out}; }
extern "C" void run(long calls) {
    count = calls;
    done = 0;
    begin_ = 1;
    syscall(SYS_futex, &begin_, FUTEX_WAKE, 1, 0, 0, 0);
    while (!done) sched_yield();
    while (kill(pid, 0) == 0) sched_yield();
}
""")
lib.prepare()


def batch(self, model, arguments, results, clock=time.perf_counter_ns):
    started = clock()
    for index, (x,) in enumerate(arguments):
        out = torch.empty_like(x)
        lib.add(index, x, out)
        self._describe(index, out)
        results[index] = out
    lib.run(len(arguments))
    return clock() - started, 0


side.CpuSide.batch = batch


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.relu(x)
