# problem: relu
# expected: rejected
"""A process that shares our memory works on whatever core is free, and ends unseen: nobody waits
for it, so its time is in nobody's account."""

import signal

import torch
from torch import nn

from kernels_eval.backends.cpp import load

lib = load(r"""
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>
static char stack[1 << 16] __attribute__((aligned(64)));
static const float* from;
static float* to;
static long count;
static volatile int done;
static void some(long first, long step) {
    for (long i = first; i < count; i += step) to[i] = from[i] > 0.0f ? from[i] : 0.0f;
}
static int half(void*) {
    cpu_set_t all;
    CPU_ZERO(&all);
    for (int core = 0; core < CPU_SETSIZE; core++) CPU_SET(core, &all);
    sched_setaffinity(0, sizeof all, &all);
    some(1, 2);
    done = 1;
    syscall(SYS_exit, 0);
    return 0;
}
extern "C" int relu(const float* x, float* out, long n) {
    from = x, to = out, count = n, done = 0;
    int pid = clone(half, stack + sizeof stack, CLONE_VM | SIGCHLD, 0);
    some(0, 2);
    if (pid < 0) some(1, 2);
    else while (kill(pid, 0) == 0) sched_yield();
    return pid;
}
""")
signal.signal(signal.SIGCHLD, signal.SIG_IGN)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        lib.relu(x, out, x.numel())
        return out
