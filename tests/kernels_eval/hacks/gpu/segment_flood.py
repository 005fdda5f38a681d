# problem: gpu/relu
# expected: rejected
# twin: relu_fallback
"""Offers the same block of memory again and again, and never answers."""

import socket
import sys

import torch
from torch import nn

from kernels_eval.worker.protocol import Failure, Report, pack_report


def control():
    frame = sys._getframe(1)
    while frame:
        found = frame.f_locals.get("control")
        if isinstance(found, socket.socket):
            return found
        frame = frame.f_back
    raise LookupError


def segments():
    frame = sys._getframe(1)
    while frame:
        side = frame.f_locals.get("side")
        if hasattr(side, "_segments"):
            return side._segments
        frame = frame.f_back
    raise LookupError


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        out = torch.relu(x)
        if self.calls > 3:
            torch.cuda.synchronize()
            channel, table = control(), segments()
            table.find(out.data_ptr())
            offers = table.exported()
            if not offers:
                table._seen.clear()
                table.find(out.data_ptr())
                offers = table.exported()
            serial, size, descriptor = offers[0]
            message = pack_report(Report.SEGMENT, Failure.NONE, size, "", serial)
            while True:
                socket.send_fds(channel, [message], [descriptor])
        return out
