"""How many numbers an output element is made of, as the reference's gradients say.

Shapes alone cannot tell a sum over a row from a step on each number of it, of which there are as
many; and what is allowed for rounding grows with the terms of a sum.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

PICKED = 8
"""Elements of an output that are looked at; the numbers that all of them are made of are counted
together, which is no less than the most of one."""


def terms(
    model: Any, inputs: Sequence[torch.Tensor], call: Callable[[Sequence[torch.Tensor]], Any]
) -> int | None:
    """At least as many as the terms of the longest sum; None where gradients do not say.

    `call`: the model's outputs (flat tensors or others) for inputs, under gradients.
    """
    leaves = [one.detach().clone() for one in inputs]
    leaves = [one.requires_grad_() if one.is_floating_point() else one for one in leaves]
    weights = list(model.parameters()) if isinstance(model, nn.Module) else []
    wanted = [one for one in (*leaves, *weights) if one.requires_grad]
    fixed = list(model.buffers()) if isinstance(model, nn.Module) else []
    most = max((extent for one in fixed for extent in one.shape), default=1)
    for output in call(leaves):
        if not output.is_floating_point() or not output.requires_grad:
            return None
        if not output.numel():
            continue
        flat = output.reshape(-1)
        chosen = torch.randint(0, flat.numel(), (PICKED,))
        chosen[0], chosen[1], chosen[2] = 0, flat.numel() - 1, flat.numel() // 2
        weighed = flat[chosen.to(flat.device)] * (1.0 + torch.rand(PICKED)).to(flat)
        found = torch.autograd.grad(weighed.sum(), wanted, retain_graph=True, allow_unused=True)
        counts = [int((one != 0).sum()) for one in found if one is not None]
        if not counts or not all(bool(one.isfinite().all()) for one in found if one is not None):
            return None
        most = max(most, *counts)
    return most
