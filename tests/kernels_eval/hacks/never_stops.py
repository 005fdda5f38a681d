# problem: relu
# expected: rejected
"""Threads send SIGCONT to their own process without a pause, so that it is never stopped."""

import torch
from torch import nn

from kernels_eval.backends.cpp import load

lib = load(r"""
#include <pthread.h>
#include <signal.h>
#include <unistd.h>
static void* go_on(void*) { for (;;) kill(getpid(), SIGCONT); }
extern "C" void begin() {
    pthread_t one;
    for (int i = 0; i < 2; i++) pthread_create(&one, 0, go_on, 0);
}
""")


class ModelNew(nn.Module):
    begun = False

    def forward(self, x):
        if not self.begun:
            self.begun = True
            lib.begin()
        return torch.relu(x)
