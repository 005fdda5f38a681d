"""Inputs that tell answers apart, where a problem's own do not.

A loss averaged over 10⁸ random numbers is nearly the same for every draw: a kernel that returned a
constant, never read one of its inputs, or read a quarter of the rows, would pass. On such a problem
every floating input is multiplied by one random factor, and by another for each place of every
dimension. Signs, zeros and shapes stay as they are. Other problems see exactly what their
`get_inputs` draws.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

_OCTAVES = 1.0
"""Factors are log-uniform between 2⁻¹ and 2."""


def spread(
    tensors: Sequence[torch.Tensor], which: Sequence[bool] | None = None
) -> list[torch.Tensor]:
    """The tensors of one draw, scaled by torch's seeded generators: those of `which`, or all that
    are floating."""
    chosen = which or [one.dtype.is_floating_point for one in tensors]
    return [_scaled(one) if scale else one for one, scale in zip(tensors, chosen, strict=True)]


def _scaled(tensor: torch.Tensor) -> torch.Tensor:
    whole = _factors(())
    return by_place(tensor * whole.to(tensor.device, tensor.dtype), _factors)


def _factors(shape: tuple[int, ...]) -> torch.Tensor:
    return torch.exp2(_OCTAVES * (2.0 * torch.rand(shape) - 1.0))


def by_place(tensor: torch.Tensor, draw: Callable[[tuple[int, ...]], torch.Tensor]) -> torch.Tensor:
    """Times a number for each place of every dimension, which `draw` gives for a shape.

    As much chance as a number for each element has, at a fraction of its time.
    """
    within = torch.ones((), dtype=tensor.dtype, device=tensor.device)
    dimensions = [place for place, extent in enumerate(tensor.shape) if extent > 1]
    for place in dimensions[1:]:
        within = within * _along(tensor, place, draw)
    result = tensor * within
    if dimensions:
        result *= _along(tensor, dimensions[0], draw)
    return result


def _along(
    tensor: torch.Tensor, place: int, draw: Callable[[tuple[int, ...]], torch.Tensor]
) -> torch.Tensor:
    shape = [1] * tensor.dim()
    shape[place] = tensor.shape[place]
    return draw((tensor.shape[place],)).reshape(shape).to(tensor.device, tensor.dtype)
