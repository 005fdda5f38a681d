# problem: softmax
# expected: correct
"""Returns part of a padded buffer."""

import torch
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        padded = torch.empty(x.shape[0], x.shape[1] + 16)
        padded[:, : x.shape[1]] = torch.softmax(x, dim=1)
        return padded[:, : x.shape[1]]
