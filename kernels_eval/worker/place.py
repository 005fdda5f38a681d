"""Where a call's outputs lie, written into the report; what is not a dense tensor is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from kernels_eval.structure import StructureError, arranged
from kernels_eval.tree import Leaf
from kernels_eval.worker.candidate import CandidateError
from kernels_eval.worker.protocol import MAX_DIMENSIONS, RECORD_WORDS, Failure, Job

_SINGLE_TYPES = (torch.Tensor, torch.nn.Parameter)
HOLES = 16
"""Times as much memory as it has elements that an output may span."""

Locate = Callable[[torch.Tensor], tuple[int, int]]
"""(segment, address) of a tensor's first element; raises CandidateError."""


def describer(
    job: Job, report: memoryview, locate: Locate, structure: list[Any]
) -> Callable[[int, Any], Any]:
    """A function of (number of the call, what it returned) that writes its records.

    It returns what is to be kept until they have been read. `structure`: of the outputs, one item
    from the first call on.
    """
    specs = job.outputs
    shapes = [torch.Size(spec.shape) for spec in specs]
    dtypes = [spec.dtype for spec in specs]
    only_shape, only_dtype = shapes[0], dtypes[0]
    single = len(specs) == 1

    def describe_one(position: int, given: torch.Tensor, place: int) -> torch.Tensor:
        if given.shape != shapes[place] or given.dtype != dtypes[place]:
            raise CandidateError(
                Failure.WRONG_OUTPUT,
                f"output {place} is {given.dtype} {tuple(given.shape)}, "
                f"wanted {dtypes[place]} {tuple(shapes[place])}",
            )
        if type(given) is torch.Tensor and given.layout is not torch.strided:
            text = f"output {place} is {given.layout}, wanted a dense tensor"
            raise CandidateError(Failure.WRONG_OUTPUT, text)
        if type(given) not in _SINGLE_TYPES or given.layout is not torch.strided:
            raise CandidateError(
                Failure.NOT_MATERIALISED,
                f"output {place} is a {type(given).__name__} ({given.layout}), not dense",
            )
        output = materialised(given)
        base = RECORD_WORDS * position
        report[base], report[base + 1] = locate(output)
        if output.is_contiguous():
            report[base + 2] = 0
            return output
        strides = output.stride()
        report[base + 2] = len(strides)
        for axis, stride in enumerate(strides):
            report[base + 3 + axis] = stride
        return output

    def describe(index: int, output: Any) -> Any:
        if (
            single
            and type(output) is torch.Tensor
            and isinstance(structure[0], Leaf)
            and output.shape == only_shape
            and output.dtype is only_dtype
            and output.layout is torch.strided
            and output.is_contiguous()
            and not is_lazy(output)
        ):
            base = RECORD_WORDS * index
            report[base], report[base + 1] = locate(output)
            report[base + 2] = 0
            return output
        try:
            tensors = arranged(structure[0], output)
        except StructureError as error:
            raise CandidateError(Failure.WRONG_OUTPUT, str(error)) from None
        return [
            describe_one(index * len(specs) + place, tensor, place)
            for place, tensor in enumerate(tensors)
        ]

    return describe


def is_lazy(output: torch.Tensor) -> bool:
    """Whether its memory holds other numbers than it (conjugated, or of the other sign)."""
    return output.is_neg() or output.is_conj()


def materialised(output: torch.Tensor) -> torch.Tensor:
    """The tensor, or a dense copy of a view whose numbers do not lie in memory, each at a place of
    its own and not far apart.

    The reference's as well: it is paid for on both sides.
    """
    if output.is_contiguous() and not is_lazy(output):
        return output
    shape, strides = output.shape, output.stride()
    far = span(shape, strides) > HOLES * output.numel()
    if is_lazy(output) or far or output.dim() > MAX_DIMENSIONS or overlaps(shape, strides):
        return output.resolve_conj().resolve_neg().contiguous()
    return output


def span(shape: Sequence[int], strides: Sequence[int]) -> int:
    """Elements from the first to the last in memory."""
    return 1 + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))


def overlaps(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether two elements may lie in one place: a stride is within what smaller ones span."""
    within = 0
    for stride, extent in sorted((s, n) for s, n in zip(strides, shape, strict=True) if n > 1):
        if stride <= within:
            return True
        within += (extent - 1) * stride
    return False
