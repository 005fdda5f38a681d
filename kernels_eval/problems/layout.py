"""How a set's tensors lie in a worker's memory."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from kernels_eval.worker.protocol import TensorPlace


def storable(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor, with its strides if its storage has neither holes nor overlap."""
    tensor = tensor.detach()
    span = 1 + sum((n - 1) * s for n, s in zip(tensor.shape, tensor.stride(), strict=True))
    return tensor if span == tensor.numel() else tensor.contiguous()


def in_memory_order(tensor: torch.Tensor) -> torch.Tensor:
    """A flat view of a tensor without holes."""
    return tensor.as_strided((tensor.numel(),), (1,))


def lay_out(tensors: Sequence[torch.Tensor], alignment: int) -> tuple[tuple[TensorPlace, ...], int]:
    """Where each of a set's tensors lies, and the bytes of a set: multiples of `alignment`."""
    places, offset = [], 0
    for tensor in tensors:
        places.append(TensorPlace(offset, tuple(tensor.shape), tensor.stride(), tensor.dtype))
        used = tensor.numel() * tensor.element_size()
        offset += -(-used // alignment) * alignment
    return tuple(places), max(alignment, offset)
