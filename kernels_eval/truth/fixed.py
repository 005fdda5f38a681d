"""KernelBench's criterion: `torch.allclose` with the reference's own output, fixed tolerances.

1e-4 for float32, 1e-2 for float16 and bfloat16, absolute and relative alike
(`get_tolerance_for_precision` in ScalingIntelligence/KernelBench `src/kernelbench/eval.py`, after
torchbench; earlier versions used 1e-2 for all). Zeros pass wherever outputs are below it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class FixedTolerance:
    """The reference's output and KernelBench's tolerance; answers to the same calls as Truth."""

    expected: torch.Tensor
    """Flat, at the reference's own precision."""

    @property
    def nbytes(self) -> int:
        return self.expected.numel() * self.expected.element_size()

    def distance(self, answer: torch.Tensor) -> float:
        """Largest |c − r| / (tol + tol·|r|); ≤ 1 passes."""
        if not self.expected.dtype.is_floating_point:
            return 0.0 if torch.equal(answer, self.expected) else math.inf
        tolerance = 1e-2 if torch.finfo(self.expected.dtype).bits < 32 else 1e-4
        expected = self.expected.double()
        ratio = (answer.double() - expected).abs() / (tolerance * (1 + expected.abs()))
        same = answer == self.expected  # infinities
        worst = float(torch.where(same, torch.zeros_like(ratio), ratio).max())
        return worst if math.isfinite(worst) else math.inf
