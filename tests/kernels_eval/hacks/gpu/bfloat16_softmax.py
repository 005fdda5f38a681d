# problem: gpu/softmax
# expected: incorrect
# twin: softmax_triton
"""Half the bytes, by way of bfloat16."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.softmax(x.bfloat16(), dim=1).float()
