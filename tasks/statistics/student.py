"""Student's t for a mean over problems, with Hall's correction for skew."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from tasks.statistics.arrays import Floats


@dataclass(frozen=True, slots=True)
class MeanTest:
    """A mean against 0, one-sided p either way, and the interval that goes with them."""

    less: float
    """P of so small a mean, were it 0."""
    greater: float
    low: float
    high: float


def skewed_student(values: Floats, informative: int, level: float = 0.95) -> MeanTest:
    """Student's t for the mean of `values`, of shape (problems,), without NaN and not all equal.

    Differences of rates are skewed where one side is rare, and then t is too wide at one end and
    too narrow at the other. Hall's (1992) monotone transformation takes the skew γ out of
    T = mean/s: T + γT²/3 + γ²T³/27 + γ/(6n). With few problems γ is a rough guess, so that
    it is used to bring an end nearer to the mean and not to push one away: each end is the nearer
    of the two, and each p the smaller.

    Problems where the arms cannot differ say nothing on the spread of the others: the degrees of
    freedom are those of the `informative` ones, less one, and at least one.
    """
    n = len(values)
    mean, spread = float(values.mean()), float(values.std(ddof=1))
    off = values - mean
    skew = float((off**3).mean() / (off**2).mean() ** 1.5)
    freedom, root = max(informative - 1, 1), math.sqrt(n)
    reach = float(student.ppf((1 + level) / 2, freedom)) / root
    plain = mean / spread
    straight = plain + skew * plain**2 / 3 + skew**2 * plain**3 / 27 + skew / (6 * n)
    return MeanTest(
        less=float(min(student.cdf(root * one, freedom) for one in (plain, straight))),
        greater=float(min(student.sf(root * one, freedom) for one in (plain, straight))),
        low=mean - spread * min(reach, _unskewed(reach, skew, n)),
        high=mean + spread * min(reach, -_unskewed(-reach, skew, n)),
    )


def _unskewed(reach: float, skew: float, n: int) -> float:
    """T at which the transformed one is `reach`."""
    shifted = reach - skew / (6 * n)
    if abs(skew) < 1e-6:
        return shifted
    return float(3 / skew * (np.cbrt(1 + skew * shifted) - 1))
