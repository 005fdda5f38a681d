"""Steps that do one thing here and another there, each as if there were one side alone.

By the names of torch's operators, with their arguments. A kernel for inputs that lie on one side
throughout needs no other.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

Side = Callable[..., torch.Tensor]

SIDES: dict[str, tuple[Side, ...]] = {
    "clamp": (
        lambda x, low=None, _high=None: x if low is None else x.clamp(min=low),
        lambda x, _low=None, high=None: x if high is None else x.clamp(max=high),
    ),
    "hardtanh": (
        lambda x, low=-1, _high=1: x.clamp(min=low),
        lambda x, _low=-1, high=1: x.clamp(max=high),
    ),
    "hardsigmoid": (
        lambda x: x / 6 + 0.5,
        lambda x: (x / 6 + 0.5).clamp(min=0),
        lambda x: (x / 6 + 0.5).clamp(max=1),
    ),
    "hardswish": (
        lambda x: x * (x + 3) / 6,
        lambda x: x * (x + 3).clamp(min=0) / 6,
        lambda x: x * (x + 3).clamp(max=6) / 6,
    ),
    "elu": (lambda x, _alpha=1, scale=1, *_: x * scale,),
    "leaky_relu": (lambda x, slope=0.01: x * slope,),
    "softshrink": (lambda x, by=0.5: x - by, lambda x, by=0.5: x + by),
    "where": (lambda _, one, _other: one, lambda _, _one, other: other),
    "maximum": (lambda one, _other: one, lambda _one, other: other),
    "minimum": (lambda one, _other: one, lambda _one, other: other),
    "sign": (torch.ones_like,),
}
