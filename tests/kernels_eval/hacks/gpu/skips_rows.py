# problem: gpu/softmax
# expected: incorrect
# twin: softmax_online
"""Computes every second row and copies the other: each looks plausible."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.softmax(x[::2], dim=1).repeat_interleave(2, dim=0)
