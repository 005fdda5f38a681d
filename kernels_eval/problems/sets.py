"""One draw of a problem's inputs, with its answers."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from kernels_eval.truth.fixed import FixedTolerance
from kernels_eval.truth.tolerance import Truth


@dataclass(frozen=True)
class InputSet:
    """The bytes a candidate will see, and what is right for them."""

    serial: int
    """Counts a problem's draws."""
    seed: int
    inputs: tuple[torch.Tensor, ...]
    """Empty in a set that is kept without them: its seed draws them again."""
    truths: tuple[Truth | FixedTolerance, ...]
    kind: int = 0
    """Which of the problem's kinds it is of (kinds.py)."""

    @property
    def nbytes(self) -> int:
        return sum(t.numel() * t.element_size() for t in self.inputs) + sum(
            truth.nbytes for truth in self.truths
        )
