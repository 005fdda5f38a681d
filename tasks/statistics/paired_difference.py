"""The mean difference of two arms over problems: one test, and the interval that is its inverse.

Problems are the sample, and every problem gives one number for each arm, in closed form from that
arm's own draws. Two things are unsure. Which outcome a problem gave: a pick out of one problem is
fast or not, and where all of ten picks came out alike their spread says nothing about it. And which
problems there were: an arm may gain on one kind of problem and lose on another.

So there are two tests, and a difference has to pass both:

- *Given the problems*: the law of the first arm's outcome on each, were there no difference, is
  known. For a pick against a random pick it is what random scores would have given
  (`random_scores`); for any two arms, that they may change places on every problem (a sign-flip
  test, which is McNemar's exact test where outcomes are 0 or 1). The outcomes' sum is compared with
  the exact law of such a sum (`sum_law`), mid-P.
- *Over problems*: Student's t with a correction for skew (`student`), or, where all differences
  are equal, that a kind of problem may have been missed (`Bounds`).

p is the larger of the two, and each end of the interval the outer one. Therefore the interval
leaves out 0 exactly where p < 1 − level, and no sentence can claim by one what the other denies.
`benchmarks/claims.py` measures false claims, coverage and power.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import beta

from tasks.statistics.arrays import Floats
from tasks.statistics.bootstrap import DIFFERENCE, Bounds
from tasks.statistics.student import MeanTest, skewed_student
from tasks.statistics.sum_law import Outcomes, flips, sum_test

_SAME = 1e-9
_NAN = float("nan")


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Mean of a − b over the problems that define both; NaN where undefined."""

    mean: float
    low: float
    high: float
    p: float
    """Two-sided. Below 1 − level exactly where the interval leaves out 0."""
    p_greater: float
    """One-sided, that a is above b."""
    p_less: float
    problems: int
    informative: int
    """Problems on which the two may differ."""


def paired_difference(
    a: ArrayLike,
    b: ArrayLike,
    by_chance: Outcomes | None = None,
    *,
    bounds: Bounds | None = DIFFERENCE,
    level: float = 0.95,
) -> PairedDifference:
    """Is arm a better than arm b on the same problems, and by how much?

    Args:
        a, b: shape (problems,): each arm's value on each problem, such as P(its pick is fast_1) at
            one budget, by the arm's own closed form; NaN where a problem does not define it, which
            leaves the problem out. Several runs (seeds) of a problem are averaged first.
        by_chance: of `a`, problem by problem, what it could have been were there no difference:
            outcomes whose mean is `b`. Parts are problems, or runs within problems, each divided by
            the runs of its problem, so that the parts' sum is the sum of `a` over the problems
            that define both. Without it, the arms change places by the toss of a coin.
        bounds: of every difference (see `Bounds`); None where there are none, as for logarithms.
        level: of the interval.

    Returns:
        NaN ends and p with fewer than two problems: one problem says nothing about others.
    """
    first, second = np.asarray(a, np.float64), np.asarray(b, np.float64)
    change = first - second
    change = change[~np.isnan(change)]
    change[np.abs(change) < _SAME] = 0.0
    n = len(change)
    mean = float(change.mean()) if n else _NAN
    parts = flips(change) if by_chance is None else by_chance
    informative = _informative(change, parts)
    if n < 2:
        return PairedDifference(mean, _NAN, _NAN, _NAN, _NAN, _NAN, n, informative)
    expected = float(parts.means.sum())
    given = sum_test(parts, expected + n * mean, level)
    over = _over_problems(change, informative, bounds, level)
    low = min((given.low - expected) / n, over.low, mean)
    high = max((given.high - expected) / n, over.high, mean)
    greater, less = max(given.above, over.greater), max(given.below, over.less)
    if bounds is not None:
        # Where the arms cannot differ the difference is 0, and no more problems are of another
        # kind than this (Clopper and Pearson 1934).
        share = _share_at_most(informative, n, level)
        low, high = max(low, share * bounds.low), min(high, share * bounds.high)
    return PairedDifference(
        mean, low, high, min(1.0, 2 * min(greater, less)), greater, less, n, informative
    )


def _informative(change: Floats, parts: Outcomes) -> int:
    """Parts that may be one thing or another, but no more than there are problems; or problems that
    differ, where a part is sure and still not what it was to be."""
    unsure = int((parts.variances > _SAME**2).sum())
    return max(min(unsure, len(change)), int((change != 0).sum()))


def _share_at_most(shown: int, n: int, level: float) -> float:
    """Of a kind of problem that `shown` of n are of; 1 − (α/2)^(1/n) where none is."""
    return float(beta.ppf((1 + level) / 2, shown + 1, n - shown)) if shown < n else 1.0


def _over_problems(
    change: Floats, informative: int, bounds: Bounds | None, level: float
) -> MeanTest:
    if np.ptp(change) > _SAME:
        return skewed_student(change, informative, level)
    n, mean = len(change), float(change[0])
    if bounds is None:
        return MeanTest(0.0 if mean < 0 else 1.0, 0.0 if mean > 0 else 1.0, mean, mean)
    # None of n problems showed another kind, which is at worst at the bound.
    unseen = _share_at_most(0, n, level)
    return MeanTest(
        less=(bounds.high / (bounds.high - mean)) ** n if mean < 0 else 1.0,
        greater=(bounds.low / (bounds.low - mean)) ** n if mean > 0 else 1.0,
        low=mean + unseen * (bounds.low - mean),
        high=mean + unseen * (bounds.high - mean),
    )
