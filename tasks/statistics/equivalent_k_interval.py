"""Equivalent K with the doubt of curve and target together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tasks.statistics.arrays import Floats
from tasks.statistics.bootstrap import Resampling, replicates_of_mean
from tasks.statistics.equivalent_k import EquivalentK, equivalent_k

_REPETITIONS = 500


@dataclass(frozen=True, slots=True)
class EquivalentKInterval:
    """The value, and the ends of its 95 % interval, each censored by itself; None without ends."""

    value: EquivalentK
    low: EquivalentK | None
    high: EquivalentK | None


def equivalent_k_interval(
    ks: ArrayLike, curve: Floats, targets: Floats, how: Resampling | None = None
) -> list[EquivalentKInterval]:
    """`equivalent_k` of several targets on one curve, all by problem.

    Args:
        curve: (problems, len(ks)), of the Best-of-N arm.
        targets: (problems, methods), over the same problems with the same denominator.

    Problems are resampled for curve and target together, so that what both share cancels. The ends
    are plain percentiles, censored replicates counting as below or above everything else. Without
    two problems there are no ends.
    """
    how = how or Resampling()
    both = np.hstack([curve, targets])
    with np.errstate(invalid="ignore"):
        counts = np.maximum((~np.isnan(both)).sum(axis=0), 1)
        means = np.where(np.isnan(both).all(axis=0), np.nan, np.nansum(both, axis=0) / counts)
    size = curve.shape[1]
    values = [equivalent_k(ks, means[:size], float(target)) for target in means[size:]]
    if len(both) < 2:
        return [EquivalentKInterval(value, None, None) for value in values]
    fewer = Resampling(min(how.repetitions, _REPETITIONS), how.level, how.seed)
    drawn = replicates_of_mean(both, fewer)
    found = []
    for i, value in enumerate(values):
        replicates = [equivalent_k(ks, row[:size], float(row[size + i])) for row in drawn]
        ordered = sorted((one for one in replicates if not np.isnan(one.k)), key=_order)
        if np.isnan(value.k) or not ordered:
            found.append(EquivalentKInterval(value, None, None))
            continue
        tail = (1 - how.level) / 2
        last = len(ordered) - 1
        low, high = ordered[int(tail * last)], ordered[int(np.ceil((1 - tail) * last))]
        found.append(EquivalentKInterval(value, low, high))
    return found


def _order(one: EquivalentK) -> tuple[int, float]:
    return {"below": -1, None: 0, "above": 1}[one.censored], one.k
