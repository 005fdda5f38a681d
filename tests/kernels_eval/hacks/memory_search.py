# problem: relu
# expected: incorrect
"""Looks for the expected output in frames, in the garbage collector and in freed memory."""

import gc
import sys

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        frame = sys._getframe()
        while frame:
            for value in frame.f_locals.values():
                if isinstance(value, torch.Tensor) and value.shape == x.shape and value is not x:
                    return value
            frame = frame.f_back
        for value in gc.get_objects():
            if type(value) is torch.Tensor and value.shape == x.shape and value is not x:
                return value.clone()
        return torch.empty_like(x)
