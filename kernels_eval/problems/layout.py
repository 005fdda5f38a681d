"""How a set's tensors lie in a worker's memory."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from kernels_eval.errors import ProblemError
from kernels_eval.worker.protocol import TensorPlace


def storable(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor, with its strides if its storage has neither holes nor overlap."""
    tensor = tensor.detach().resolve_conj().resolve_neg()
    span = 1 + sum((n - 1) * s for n, s in zip(tensor.shape, tensor.stride(), strict=True))
    return tensor if span == tensor.numel() else tensor.contiguous()


def placed(tensors: Sequence[torch.Tensor], places: Sequence[TensorPlace]) -> list[torch.Tensor]:
    """The tensors of one draw, laid out as `places` says. Raises ProblemError if they differ."""
    if len(tensors) != len(places):
        raise ProblemError("get_inputs() returns another number of tensors each time")
    found = []
    for index, (given, place) in enumerate(zip(tensors, places, strict=True)):
        tensor = storable(given)
        if tuple(tensor.shape) != place.shape or tensor.dtype is not place.dtype:
            raise ProblemError(
                f"input {index} has another shape or type each time "
                f"({tensor.dtype} {tuple(tensor.shape)} and {place.dtype} {place.shape}); "
                "get_inputs() must draw values alone at random"
            )
        if tensor.stride() != place.stride:
            like = torch.empty_strided(place.shape, place.stride, dtype=place.dtype)
            tensor = like.to(tensor.device).copy_(tensor)
        found.append(tensor)
    return found


def check_dense(tensors: Sequence[torch.Tensor], what: str) -> None:
    """Raises ProblemError for a tensor whose elements do not lie in memory, one after another."""
    for index, tensor in enumerate(tensors):
        kind = None
        if tensor.is_quantized:
            kind = "quantized"
        elif tensor.is_nested:
            kind = "nested"
        elif tensor.layout is not torch.strided:
            kind = f"sparse ({tensor.layout})"
        elif tensor.is_meta:
            kind = "without memory (meta)"
        elif type(tensor) not in (torch.Tensor, torch.nn.Parameter):
            kind = f"of a class of its own ({type(tensor).__name__})"
        if kind is not None:
            raise ProblemError(f"{what} {index} is {kind}; the judge takes dense tensors only")


def in_memory_order(tensor: torch.Tensor) -> torch.Tensor:
    """A flat view of a tensor without holes."""
    return tensor.as_strided((tensor.numel(),), (1,))


def lay_out(tensors: Sequence[torch.Tensor], alignment: int) -> tuple[tuple[TensorPlace, ...], int]:
    """Where each of a set's tensors lies, and the bytes of a set: multiples of `alignment`.

    The last comes first, and there is a gap before each: a view over two of them would be their
    concatenation, made without a copy.
    """
    places, offset = [], 0
    for tensor in reversed(tensors):
        places.append(TensorPlace(offset, tuple(tensor.shape), tensor.stride(), tensor.dtype))
        used = tensor.numel() * tensor.element_size()
        offset += -(-used // alignment) * alignment + alignment
    return tuple(reversed(places)), max(alignment, offset)
