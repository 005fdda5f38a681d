# problem: gpu/relu
# expected: rejected
# twin: relu_subclass_inside
"""A tensor subclass that computes when somebody looks."""

import torch
from torch import nn


class Lazy(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        plain = [torch.relu(a.as_subclass(torch.Tensor)) if type(a) is Lazy else a for a in args]
        return function(*plain, **(kwargs or {}))


class ModelNew(nn.Module):
    def forward(self, x):
        return x.as_subclass(Lazy)
