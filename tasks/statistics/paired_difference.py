"""The mean difference of two arms over problems: one test, and the interval that is its inverse.

Problems are the sample, and every problem gives one number for each arm, in closed form from that
arm's own draws. Two things are unsure. Which outcome a problem gave: a pick out of one problem is
fast or not, and where all of ten picks came out alike their spread says nothing about it. And which
problems there were: an arm may gain on one kind of problem and lose on another.

So there is one test that knows both (`score_test`). The law of the first arm's outcome on each
problem, were there no difference, is known: for a pick against a random pick it is what random
scores would have given (`random_scores`); for any two arms, that they may change places on every
problem (a sign-flip test, which is McNemar's where outcomes are 0 or 1). The sum of the outcomes is
held against the exact law of such a sum (`sum_law`), mid-P, to which noise is added where the
differences vary more over problems than that law says.

The interval is the test's inverse: it leaves out 0 exactly where p < 1 − level, and no sentence can
claim by one what the other denies. Where it ends because these problems have no more to give, and
on the side away from 0 where no law by chance is known, it has room for other problems.
`benchmarks/claims.py` measures false claims, coverage and power.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv, stdtrit

from tasks.statistics.arrays import Floats
from tasks.statistics.bootstrap import DIFFERENCE, Bounds
from tasks.statistics.score_test import ScoreTest, score_test
from tasks.statistics.sum_law import Outcomes, flips

_SAME = 1e-9
_NAN = float("nan")


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Mean of a − b over the problems that define both; NaN where undefined."""

    mean: float
    low: float
    high: float
    p: float
    """Two-sided: so far out on either side. Below 1 − level exactly where the interval leaves out
    0."""
    p_greater: float
    """One-sided, that a is above b, mid-P."""
    p_less: float
    problems: int
    informative: int
    """Problems on which the two may differ."""

    def unsettled(self, *, tested: bool) -> PairedDifference:
        """As it is told where no difference is claimed: the interval reaches to 0.

        It is so where an adjusted p allows no claim that the pair's own p would, and where problems
        are too few; `tested` is False there, and p is NaN.
        """
        low, high = min(self.low, 0.0), max(self.high, 0.0)
        if math.isnan(self.low) or math.isnan(self.high):
            low = high = _NAN
        if tested:
            return replace(self, low=low, high=high)
        return replace(self, low=low, high=high, p=_NAN, p_greater=_NAN, p_less=_NAN)


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
        NaN ends and p with fewer than two problems: one problem says nothing about others. NaN ends
        where all differ by the same and nothing bounds a difference: nothing says how far another
        problem's may be.
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
    test = score_test(parts, change, level, any_spread=by_chance is None)
    if by_chance is None or (bounds is not None and np.ptp(change) < _SAME):
        # What other problems may have to give, flips of these do not say, nor do equal ones.
        test = replace(
            test, low_open=test.low_open or mean <= 0, high_open=test.high_open or mean >= 0
        )
    if bounds is None and np.ptp(change) < _SAME:
        return PairedDifference(mean, _NAN, _NAN, test.p, test.greater, test.less, n, informative)
    low, high = _with_other_problems(change, informative, test, bounds, level)
    if bounds is not None:
        # Where the arms cannot differ the difference is 0, and no more problems are of another
        # kind than this (Clopper and Pearson 1934).
        share = _share_at_most(informative, n, level)
        low, high = max(low, share * bounds.low), min(high, share * bounds.high)
    return PairedDifference(mean, low, high, test.p, test.greater, test.less, n, informative)


def _informative(change: Floats, parts: Outcomes) -> int:
    """Parts that may be one thing or another, but no more than there are problems; or problems that
    differ, where a part is sure and still not what it was to be."""
    unsure = int((parts.variances > _SAME**2).sum())
    return max(min(unsure, len(change)), int((change != 0).sum()))


def _share_at_most(shown: int, n: int, level: float) -> float:
    """Of a kind of problem that `shown` of n are of; 1 − (α/2)^(1/n) where none is."""
    return float(betaincinv(shown + 1, n - shown, (1 + level) / 2)) if shown < n else 1.0


def _with_other_problems(
    change: Floats, informative: int, test: ScoreTest, bounds: Bounds | None, level: float
) -> tuple[float, float]:
    """The test's ends; where one is open, with room for other problems.

    The tilted law of a sum ends where every part is at its most, but other problems may have more
    to give. No claim hangs on that end, and it is at least Student's. The degrees of freedom lie
    between all problems and those that say something. Without bounds a few problems may hold most
    of the sum, so that others like them are missed: that side reaches as far as skewness says.
    """
    n, mean = len(change), float(change.mean())
    freedom = (n - 1 + max(informative, 1)) / 2
    quantile = float(stdtrit(freedom, (1 + level) / 2))
    below = above = quantile
    if bounds is None:
        below, above = _skewed(change, quantile)
    error = float(change.std(ddof=1)) / math.sqrt(n)
    lower, upper = mean - below * error, mean + above * error
    if bounds is not None and np.ptp(change) < _SAME:
        # None of n problems showed another kind, which is at worst at the bound.
        unseen = _share_at_most(0, n, level)
        lower, upper = (mean + unseen * (end - mean) for end in (bounds.low, bounds.high))
    return (
        min(test.low, lower) if test.low_open else test.low,
        max(test.high, upper) if test.high_open else test.high,
    )


def _skewed(change: Floats, quantile: float) -> tuple[float, float]:
    """How many standard errors the ends lie below and above the mean, at least Student's.

    By the cubic transformation of a studentized mean that takes its skewness away (P. Hall, Journal
    of the Royal Statistical Society B 54 (1992), 221 to 228).
    """
    apart = change - change.mean()
    spread = math.sqrt(float((apart**2).mean()))
    if spread < _SAME:
        return quantile, quantile
    skew = float((apart**3).mean()) / spread**3 / math.sqrt(len(change))
    if abs(skew) < _SAME:
        return quantile, quantile

    def studentized(normal: float) -> float:
        return 3 / skew * (float(np.cbrt(1 + skew * (normal - skew / 6))) - 1)

    return max(quantile, studentized(quantile)), max(quantile, -studentized(-quantile))
