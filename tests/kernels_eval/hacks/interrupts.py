# problem: softmax
# expected: correct slow
"""Thousands of timers, armed before the clock runs, interrupt the reference when it is timed."""

import time

import torch
from torch import nn

import kernels_eval.worker.cpu as side
from kernels_eval.backends.cpp import load

lib = load(r"""
#include <signal.h>
#include <string.h>
#include <time.h>
static timer_t timers[24000];
static long made;
extern "C" void make() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 3);
    sigprocmask(SIG_BLOCK, &set, 0);
    struct sigevent event;
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGRTMIN + 3;
    while (made < 24000 && timer_create(CLOCK_MONOTONIC, &event, &timers[made]) == 0) made++;
}
extern "C" void arm(long at_ns) {
    for (long i = 0; i < made; i++, at_ns += 8000) {
        struct itimerspec when;
        memset(&when, 0, sizeof when);
        when.it_value.tv_sec = at_ns / 1000000000;
        when.it_value.tv_nsec = at_ns % 1000000000;
        timer_settime(timers[i], TIMER_ABSTIME, &when, 0);
    }
}
""")
lib.make()
ready = side.CpuSide.ready


def armed(self, count):
    ready(self, count)
    begins = time.monotonic_ns() + 70_000_000
    lib.arm(begins)
    while time.monotonic_ns() < begins - 6_000_000 - 1_600_000 * count:
        pass


side.CpuSide.ready = armed


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.softmax(x, dim=1)
