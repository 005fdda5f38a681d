"""A two-sided test of the mean difference over problems, and the interval that inverts it.

Given the problems, what every problem would have given by chance is known, and so is the law of the
sum (`sum_law`). Over problems, differences may vary beyond that: an arm that gains on one kind of
problem and loses on another makes a sum that scatters more than by chance. Student's t knows the
second and not the first: of ten picks of which two came out fast it reads their spread off the two.
So both are one test:

- *The law under a mean.* An exponential tilt of the parts has the mean in question. Normal noise is
  added: of the variance of the tilted means over problems, and of what the differences show beyond
  the tilt that fits them best, Σ(dⱼ − d̄)² less the variance that this tilt gives them, if that is
  above 0. Where a common tilt tells all, nothing is estimated that chance already says.
- *Two-sided.* p is the chance of a sum as far out, or farther, on either side (mid-P). As far out
  is by the normal score of a gamma law with the same skew (Wilson and Hilferty 1931). Where the
  other side has no sum so far out, as among rare outcomes, all of the 5 % is this side's; a test of
  two halves would leave one unused, and its interval cover 98 to 100 %.

An end of the interval is the first mean on its side, from the one seen, that the test rejects.
`benchmarks/claims.py` measures false claims, coverage and power.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from tasks.statistics.arrays import Floats
from tasks.statistics.sum_law import Outcomes, SumLaw, Tilted

_HALVINGS = 10
"""Of the stretch that an end of the interval lies in, half a standard deviation or a little more,
before its slope is followed."""

_FAR = 8.0
"""Standard deviations beyond which noise, where there is any, decides alone."""


@dataclass(frozen=True, slots=True)
class ScoreTest:
    """Of a mean difference of 0, and the means that it does not contradict."""

    p: float
    greater: float
    """One-sided, mid-P: of so large a mean."""
    less: float
    low: float
    high: float
    low_open: bool = False
    """Whether the law itself ends before the test rejects: other problems might give more."""
    high_open: bool = False


def score_test(
    parts: Outcomes, change: Floats, level: float, *, any_spread: bool = False
) -> ScoreTest:
    """Test the mean of `change`, of shape (problems,), two or more, without NaN.

    Args:
        parts: what the sum of `change` is made of, up to a constant, were there no difference.
        level: of the interval.
        any_spread: that the parts say nothing of the spread over problems under other means (as
            those of a sign-flip test), so that it is at least the one seen.

    Without a part that is unsure the mean is held against its spread alone.
    """
    return _Score(parts, change, level, any_spread).test()


class _Score:
    def __init__(self, parts: Outcomes, change: Floats, level: float, any_spread: bool) -> None:
        self.change, self.n, self.alpha = change, len(change), 1 - level
        self.mean = float(change.mean())
        self.seen = float(parts.means.sum() + change.sum())
        self.law = SumLaw(parts, self.seen)
        self.problem = parts.problem
        if self.problem is None and len(parts.values) == self.n:
            self.problem = np.arange(self.n)
        # Noise is estimated, from few problems: its 2.5 % are Student's.
        self.widened = float(stdtrit(self.n - 1, 0.975) / ndtri(0.975)) ** 2
        self.spread = float(((change - self.mean) ** 2).sum()) * self.n / (self.n - 1)
        self.least = self.spread if any_spread else 0.0
        if self.law.open:
            self.chance = self.law.tilted(0.0)
            fitted = sum(self._known(self.law.tilted(self.law.centre)))
            more = max(0.0, float(((change - self.mean) ** 2).sum()) - fitted)
            self.excess = more * self.n / max(self.n - 2, 1)

    def test(self) -> ScoreTest:
        if not self.law.open:
            return self._by_spread()
        greater, less, p = self._against(0.0)
        (low, low_open), (high, high_open) = (self._end(side, p) for side in (-1.0, 1.0))
        low, high = min(low, self.mean), max(high, self.mean)
        return ScoreTest(p, greater, less, low, high, low_open, high_open)

    def _by_spread(self) -> ScoreTest:
        error = math.sqrt(self.spread) / self.n
        if not error:
            # No spread to hold it against: it may be anything between this and none.
            return ScoreTest(1.0, 0.5, 0.5, min(self.mean, 0.0), max(self.mean, 0.0))
        greater = float(stdtr(self.n - 1, -self.mean / error))
        reach = float(stdtrit(self.n - 1, 1 - self.alpha / 2)) * error
        p = 2 * min(greater, 1 - greater)
        return ScoreTest(p, greater, 1 - greater, self.mean - reach, self.mean + reach)

    def _against(self, tilt: float) -> tuple[float, float, float]:
        """(greater, less, two-sided p) under a tilt."""
        law = self.law.tilted(tilt)
        beyond = self._beyond(law)
        noise = math.sqrt(beyond) if beyond > 1e-9 * law.variance else 0.0
        spread = math.sqrt(law.variance + beyond)
        out = self.seen - law.mean
        upper, reflected = _as_far_out(out, spread, law.third)
        if noise and abs(out) > _FAR * spread:
            own = float(ndtr(-abs(out) / spread))
            other = own
        else:
            own = self.law.tail(tilt, self.seen, upper=upper, noise=noise)
            other = self.law.tail(tilt, law.mean + reflected, upper=not upper, noise=noise)
        greater, less = (own, 1 - own) if upper else (1 - own, own)
        return greater, less, min(1.0, own + other)

    def _known(self, law: Tilted) -> tuple[float, float]:
        """The variance of the sum of differences over problems, as the tilted law has it: of the
        sum given the problems, and of the problems' means."""
        shift = law.means - self.chance.means
        if self.problem is None:
            return law.variance, 0.0
        by_problem = np.bincount(self.problem, shift, self.n)
        return law.variance, float(((by_problem - by_problem.mean()) ** 2).sum())

    def _beyond(self, law: Tilted) -> float:
        """The variance of the noise over problems that the tilted sum has not."""
        given, between = self._known(law)
        return self.widened * (between + max(self.excess, self.least - given - between))

    def _end(self, side: float, p: float) -> tuple[float, bool]:
        """The mean at which the test begins to reject, on one side of the mean seen; whether it is
        the last that the law has."""
        centre, stride = self.law.centre, self.law.stride
        inner, outer = centre, centre + side * stride
        while True:
            if inner * side < 0 <= outer * side:
                outer = 0.0
            found = p if outer == 0.0 else self._against(outer)[2]
            # A mean of 0 that holds has all up to it: the interval leaves it out where p says so.
            if found < self.alpha and not (side * outer < 0 and p >= self.alpha):
                break
            if abs(outer) >= self.law.steepest:
                return self._mean_at(outer), True
            stride *= 1.3
            inner, outer = outer, outer + side * stride
            outer = max(-self.law.steepest, min(self.law.steepest, outer))
        if self._against(inner)[2] < self.alpha:
            return self._mean_at(inner), False
        gap: Callable[[float], float] = lambda tilt: self._against(tilt)[2] - self.alpha  # noqa: E731
        # p jumps where a sum of the other side comes to count, and methods that follow the slope
        # end at one jump or another by the last digits: halving first leaves no room for two.
        for _ in range(_HALVINGS):
            middle = (inner + outer) / 2
            inner, outer = (middle, outer) if gap(middle) >= 0 else (inner, middle)
        return self._mean_at(float(brentq(gap, inner, outer, xtol=1e-8))), False

    def _mean_at(self, tilt: float) -> float:
        return (self.law.tilted(tilt).mean - self.chance.mean) / self.n


def _as_far_out(out: float, spread: float, third: float) -> tuple[bool, float]:
    """Whether a deviation from the mean is on the upper side, and the deviation on the other side
    with as large a normal score, by the gamma law of this spread and third moment."""
    skew = third / spread**3 if spread else 0.0
    if abs(skew) < 1e-5:
        return out > 0, -out
    score = 6 / skew * (float(np.cbrt(1 + skew * out / spread / 2)) - 1) + skew / 6
    return score > 0, 2 / skew * ((1 - skew / 6 * (score + skew / 6)) ** 3 - 1) * spread
