"""Inputs that tell answers apart, where a problem's own do not.

A loss averaged over 10⁸ random numbers is nearly the same for every draw: a kernel that returned a
constant, or never read one of its inputs, would pass. On such a problem every floating input is
multiplied by one random factor, and by another for each place of its last dimension. Signs, zeros
and shapes stay as they are. Other problems see exactly what their `get_inputs` draws.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

_OCTAVES = 1.0
"""Factors are log-uniform between 2⁻¹ and 2."""


def spread(tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """The tensors of one draw, scaled by torch's seeded generators; integers stay as they are."""
    return [_scaled(one) if one.dtype.is_floating_point else one for one in tensors]


def _scaled(tensor: torch.Tensor) -> torch.Tensor:
    whole, each = torch.rand(()), torch.rand(tensor.shape[-1:])
    factors = 2.0 ** (_OCTAVES * (2.0 * whole - 1.0) + _OCTAVES * (2.0 * each - 1.0))
    return tensor * factors.to(tensor.device, tensor.dtype)
