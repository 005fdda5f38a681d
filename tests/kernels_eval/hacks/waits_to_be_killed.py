# problem: relu
# expected: compile_error
# twin: joined_threads
"""A filter that asks another thread, which never answers: the one that waits can be killed and not
stopped, and the judge would wait in vain for it to stand still."""

import ctypes
import struct
import threading

import torch
from torch import nn

SECCOMP, GETPPID, LOAD, EQUAL, RETURN = 317, 110, 0x20, 0x15, 0x06  # x86-64
ASK, ALLOW, LISTENER_WAIT_KILLABLE = 0x7FC00000, 0x7FFF0000, 1 << 3 | 1 << 5
RECEIVE = 0xC0502100  # SECCOMP_IOCTL_NOTIF_RECV
STEPS = [(LOAD, 0, 0, 0), (EQUAL, 0, 1, GETPPID), (RETURN, 0, 0, ASK), (RETURN, 0, 0, ALLOW)]
CODE = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in STEPS))


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("at", ctypes.c_void_p)]


PROGRAM = Program(len(STEPS), ctypes.addressof(CODE))
libc = ctypes.CDLL(None, use_errno=True)
heard = threading.Event()
listener = []


def ask():
    listener.append(libc.syscall(SECCOMP, 1, LISTENER_WAIT_KILLABLE, ctypes.byref(PROGRAM)))
    heard.set()
    libc.syscall(GETPPID)


threading.Thread(target=ask, daemon=True).start()
heard.wait()
if listener[0] < 0:
    raise OSError(ctypes.get_errno(), "no filter that asks")
libc.ioctl(listener[0], RECEIVE, ctypes.create_string_buffer(80))


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.relu(x)
