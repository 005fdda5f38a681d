# problem: softmax
# expected: correct
"""Threads that are done when the call is."""

import threading

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)

        def half(rows):
            out[rows] = torch.softmax(x[rows], dim=1)

        middle = x.shape[0] // 2
        threads = [
            threading.Thread(target=half, args=(rows,))
            for rows in (slice(0, middle), slice(middle, None))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return out
