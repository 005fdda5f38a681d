# problem: softmax
# expected: rejected
"""A timer sends SIGCONT to the stopped process: a thread computes after the clock has stopped."""

import ctypes
import signal
import threading
import time

import torch
from torch import nn

import kernels_eval.worker.cpu as side

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


left = []
go = threading.Event()


def late():
    while True:
        go.wait()
        go.clear()
        time.sleep(0.0006)  # it is stopped in here
        while left:
            x, out = left.pop(0)
            torch.softmax(x, dim=1, out=out)


threading.Thread(target=late, daemon=True).start()


def batch(self, model, arguments, results, clock=time.perf_counter_ns):
    started = clock()
    arm(0, 0)
    for index, (x,) in enumerate(arguments):
        out = torch.empty_like(x)
        if index:
            left.append((x, out))
        else:
            torch.softmax(x, dim=1, out=out)  # the first one may be looked at already
        self._describe(index, out)
        results[index] = out
    go.set()
    arm(700_000, 2_000_000)
    return clock() - started, 0


side.CpuSide.batch = batch


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.softmax(x, dim=1)
