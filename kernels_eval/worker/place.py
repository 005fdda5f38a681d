"""Where a call's outputs lie, written into the report; what is not a dense tensor is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from kernels_eval.tree import flatten
from kernels_eval.worker.candidate import CandidateError
from kernels_eval.worker.protocol import MAX_DIMENSIONS, RECORD_WORDS, Failure, Job

_SINGLE_TYPES = (torch.Tensor, torch.nn.Parameter)

Locate = Callable[[torch.Tensor], tuple[int, int]]
"""(segment, address) of a tensor's first element; raises CandidateError."""


def describer(job: Job, report: memoryview, locate: Locate) -> Callable[[int, Any], None]:
    """A function of (number of the call, what it returned) that writes its records."""
    specs = job.outputs
    shapes = [torch.Size(spec.shape) for spec in specs]
    dtypes = [spec.dtype for spec in specs]
    only_shape, only_dtype = shapes[0], dtypes[0]
    single = len(specs) == 1

    def describe_one(position: int, output: torch.Tensor, place: int) -> None:
        if output.shape != shapes[place] or output.dtype != dtypes[place]:
            raise CandidateError(
                Failure.WRONG_OUTPUT,
                f"output {place} is {output.dtype} {tuple(output.shape)}, "
                f"wanted {dtypes[place]} {tuple(shapes[place])}",
            )
        if type(output) not in _SINGLE_TYPES or output.layout is not torch.strided:
            raise CandidateError(
                Failure.NOT_MATERIALISED,
                f"output {place} is a {type(output).__name__} ({output.layout}), not dense",
            )
        base = RECORD_WORDS * position
        report[base], report[base + 1] = locate(output)
        if output.is_contiguous():
            report[base + 2] = 0
            return
        strides = output.stride()
        if len(strides) > MAX_DIMENSIONS:
            raise CandidateError(
                Failure.WRONG_OUTPUT, f"output {place} is a view of {len(strides)} dimensions"
            )
        if not job.trusted and any(
            s == 0 and n > 1 for n, s in zip(output.shape, strides, strict=True)
        ):
            raise CandidateError(
                Failure.NOT_MATERIALISED, f"output {place} repeats memory (an expanded view)"
            )
        report[base + 2] = len(strides)
        for axis, stride in enumerate(strides):
            report[base + 3 + axis] = stride

    def describe(index: int, output: Any) -> None:
        if (
            single
            and type(output) is torch.Tensor
            and output.shape == only_shape
            and output.dtype is only_dtype
            and output.is_contiguous()
        ):
            base = RECORD_WORDS * index
            report[base], report[base + 1] = locate(output)
            report[base + 2] = 0
            return
        tensors, _ = flatten(output)
        if len(tensors) != len(specs):
            raise CandidateError(
                Failure.WRONG_OUTPUT, f"{len(tensors)} output tensors, wanted {len(specs)}"
            )
        for place, tensor in enumerate(tensors):
            describe_one(index * len(specs) + place, tensor, place)

    return describe
