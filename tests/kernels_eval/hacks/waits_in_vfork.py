# problem: relu
# expected: rejected
"""A thread waits for a child in vfork, where no signal stops it."""

import torch
from torch import nn

from kernels_eval.backends.cpp import load

lib = load(r"""
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
static void* wait(void*) {
    if (vfork() == 0) {
        timespec minute = {60, 0};
        syscall(SYS_nanosleep, &minute, 0);
        syscall(SYS_exit, 0);
    }
    return 0;
}
extern "C" void begin() { pthread_t one; pthread_create(&one, 0, wait, 0); }
""")


class ModelNew(nn.Module):
    begun = False

    def forward(self, x):
        if not self.begun:
            self.begun = True
            lib.begin()
        return torch.relu(x)
