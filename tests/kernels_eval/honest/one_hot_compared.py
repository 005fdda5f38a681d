# problem: one_hot
# expected: correct
"""Compares with all numbers instead of writing one."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.all = torch.arange(2048)

    def forward(self, i):
        return (i[:, None] == self.all).float()
