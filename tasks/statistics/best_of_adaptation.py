"""Best of Adaptation: the success of the best checkpoint, which is what the paper reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.statistics.arrays import Bools, Floats


@dataclass(frozen=True)
class BestOfAdaptation:
    """Mean over problems of the share of successes, NaN where it is not defined.

    naive: of the checkpoint that looks best, on the very draws that it looks best on: biased
        upward, since noise is chosen too. cross_fitted: chosen on one half of every problem's draws
        and read on the other, both ways round, averaged: no draw is chosen by and counted.
    """

    naive: float
    cross_fitted: float


def best_of_adaptation(steps: Sequence[Sequence[Bools]]) -> BestOfAdaptation:
    """steps: per checkpoint and problem the successes of its draws, in the order of their numbers.

    Halves are the draws with even and with odd places. Of checkpoints that look alike the earliest
    is taken. Cross-fitting needs two draws of every problem.
    """
    if not steps or any(not len(draws) for step in steps for draws in step):
        return BestOfAdaptation(np.nan, np.nan)
    naive = float(max(_rates(steps, slice(None))))
    if any(len(draws) < 2 for step in steps for draws in step):
        return BestOfAdaptation(naive, np.nan)
    even, odd = _rates(steps, slice(0, None, 2)), _rates(steps, slice(1, None, 2))
    fitted = (odd[int(np.argmax(even))] + even[int(np.argmax(odd))]) / 2
    return BestOfAdaptation(naive, float(fitted))


def _rates(steps: Sequence[Sequence[Bools]], half: slice) -> Floats:
    return np.array([np.mean([np.mean(draws[half]) for draws in step]) for step in steps])
