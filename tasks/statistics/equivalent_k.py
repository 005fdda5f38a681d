"""How many Best-of-N samples a method's score is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

_SAME = 1e-9
"""Rates closer than this differ by rounding."""


@dataclass(frozen=True, slots=True)
class EquivalentK:
    """The budget at which the curve reaches the target.

    `censored` says on which side of the curve the target lies: "below" means fewer samples than
    the smallest budget would do, "above" that the largest does not suffice; `k` is then that end.
    """

    k: float
    censored: Literal["below", "above"] | None


def equivalent_k(ks: ArrayLike, curve: ArrayLike, target: float) -> EquivalentK:
    """Where a non-decreasing curve over budgets `ks` reaches `target`, interpolated in log K.

    Curve and target must share one denominator (the same problems, all samples): a rate over
    correct samples on a curve over all samples has no meaning. A curve that dips is replaced by its
    running maximum; on a plateau the first K counts. A target within rounding of a point of the
    curve is at that point, at its ends, too. NaN points are left out; NaN for a NaN target
    or an empty curve.
    """
    budgets, values = np.asarray(ks, np.float64), np.asarray(curve, np.float64)
    known = ~np.isnan(values)
    budgets, values = budgets[known], np.maximum.accumulate(values[known])
    if not len(values) or np.isnan(target):
        return EquivalentK(float("nan"), None)
    if target < values[0] - _SAME:
        return EquivalentK(float(budgets[0]), "below")
    if target > values[-1] + _SAME:
        return EquivalentK(float(budgets[-1]), "above")
    at = int(np.searchsorted(values, target - _SAME, side="left"))
    if values[at] <= target + _SAME:
        return EquivalentK(float(budgets[at]), None)
    share = (target - values[at - 1]) / (values[at] - values[at - 1])
    low, high = np.log(budgets[at - 1]), np.log(budgets[at])
    return EquivalentK(float(np.exp(low + share * (high - low))), None)
