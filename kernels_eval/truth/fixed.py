"""KernelBench's criterion: `torch.allclose` with the reference's own output, fixed tolerances.

1e-4 for float32, 1e-2 for float16 and bfloat16, absolute and relative alike
(`get_tolerance_for_precision` in ScalingIntelligence/KernelBench `src/kernelbench/eval.py`, after
torchbench; earlier versions used 1e-2 for all). Zeros pass wherever outputs are below it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from kernels_eval.truth.tolerance import Truth, chunk_of, plain_numbers

_CHUNK = 1 << 22


@dataclass(frozen=True)
class FixedTolerance:
    """The reference's output and KernelBench's tolerance; answers to the same calls as Truth."""

    expected: torch.Tensor
    """Flat, at the reference's own precision."""

    @property
    def is_empty(self) -> bool:
        return not self.expected.numel()

    def values(self) -> torch.Tensor:
        """(N,) the reference's own output."""
        return self.expected

    @property
    def nbytes(self) -> int:
        return self.expected.numel() * self.expected.element_size()

    @property
    def tolerance(self) -> float:
        """Absolute, and relative to each element."""
        return 1e-2 if torch.finfo(self.expected.dtype).bits < 32 else 1e-4

    def distance(self, answer: torch.Tensor) -> float:
        """Largest |c − r| / (tol + tol·|r|); ≤ 1 passes."""
        if not (self.expected.dtype.is_floating_point or self.expected.is_complex()):
            same = torch.equal(plain_numbers(answer), plain_numbers(self.expected))
            return 0.0 if same else math.inf
        wide = torch.complex128 if self.expected.is_complex() else torch.float64
        tolerance = self.tolerance
        worst = 0.0
        step = chunk_of(answer, _CHUNK)
        for start in range(0, answer.numel(), step):
            mine, theirs = answer[start : start + step], self.expected[start : start + step]
            expected = theirs.to(wide)
            ratio = (mine.to(wide) - expected).abs() / (tolerance * (1 + expected.abs()))
            chunk = float(torch.where(mine == theirs, 0.0, ratio).max())  # infinities are equal
            if not math.isfinite(chunk):
                return math.inf
            worst = max(worst, chunk)
        return worst


def as_fixed(truth: Truth | FixedTolerance, dtype: torch.dtype) -> FixedTolerance:
    """The same output, of this type, judged by KernelBench's tolerance."""
    if isinstance(truth, FixedTolerance):
        return truth
    values = truth.values() if truth.rounded is None else truth.rounded
    if dtype.is_complex:
        return FixedTolerance(torch.view_as_complex(values.reshape(-1, 2)).to(dtype))
    return FixedTolerance(values.to(dtype) if dtype.is_floating_point else values)
