"""Intervals for means over problems: the problem is the unit that generalises."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm
from scipy.stats import t as student

from tasks.statistics.arrays import Bools, Floats, Ints
from tasks.statistics.groups import grouped

_ELEMENTS = 8_000_000
"""Replicates held at once: 64 MB."""

_SAME = 1e-12
"""Values closer than this differ by rounding."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean (or median) with its interval; NaN where undefined."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Resampling:
    """How to resample. The same seed gives the same intervals."""

    repetitions: int = 2000
    level: float = 0.95
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between which values every problem's must lie, whether it was among these or not.

    An interval that resamples the problems at hand cannot show one that was not among them. What
    bounds give is exact: a kind of problem that none of n showed has, at confidence 1 − α/2, a
    share of at most 1 − (α/2)^(1/n) (the zero-failure case of Clopper and Pearson 1934), and is at
    worst at the bound. So where all problems agree, the ends are the mean with that share at either
    bound, instead of no width at all.
    """

    low: float
    high: float


DIFFERENCE = Bounds(-1.0, 1.0)
"""Of two rates."""


def bootstrap_mean(
    values: ArrayLike, how: Resampling | None = None, bounds: Bounds | None = None
) -> Floats:
    """Mean over problems with its interval, column by column. For rates see `rate_interval`.

    Args:
        values: shape (problems, columns): an unbiased estimate per problem; NaN where the problem
            does not define the column, which leaves it out of that column.
        bounds: of every value, if there are any (see `Bounds`). Without, columns in which all
            problems agree get an interval of no width: nothing here bounds what was not seen.

    Returns:
        Shape (3, columns): mean, low, high. NaN without a defined problem; the interval is NaN with
        fewer than two, since one problem says nothing about others.

    A cluster bootstrap: problems are drawn with all their samples. The samples within are not drawn
    again, since each problem's estimate already carries their noise; a second stage counts it twice
    (Davison and Hinkley 1997, section 3.8; `benchmarks/coverage.py` compares), and draws
    with replacement bias a maximum low as k nears n. The interval is BCa (Efron 1987, with the
    mean's acceleration Σd³/6(Σd²)^1.5), its normal quantile widened for few problems to
    √(n/(n−1))·t₍α/2, n−1₎ (Hesterberg 2015).
    """
    how = how or Resampling()
    table = np.atleast_2d(np.asarray(values, np.float64))
    problems, columns = table.shape
    if not problems:
        return np.full((3, columns), np.nan)
    step = max(1, _ELEMENTS // how.repetitions)
    parts = [_mean(table[:, i : i + step], how, bounds) for i in range(0, columns, step)]
    return np.concatenate(parts, axis=1) if parts else np.empty((3, 0))


def replicates_of_mean(values: ArrayLike, how: Resampling | None = None) -> Floats:
    """Means over resampled problems, shape (repetitions, columns); the same problems in every
    column and every call with as many problems, so that replicates of two arms are paired. NaN is
    left out.
    """
    table = np.atleast_2d(np.asarray(values, np.float64))
    return _replicates(table, ~np.isnan(table), how or Resampling()).T


def _mean(table: Floats, how: Resampling, bounds: Bounds | None) -> Floats:
    defined = ~np.isnan(table)
    filled = np.where(defined, table, 0.0)
    count = defined.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(count > 0, filled.sum(axis=0) / count, np.nan)
        replicates = _replicates(table, defined, how)
        centred = np.where(defined, table - mean, 0.0)
        skew = (centred**3).sum(axis=0) / (6 * (centred**2).sum(axis=0) ** 1.5)
    low, high = _interval(replicates, mean, np.nan_to_num(skew), count, how)
    if bounds is not None:
        low, high = _bounded(mean, low, high, count, how, bounds)
    # Rounding (or a strong skew) must not put the ends on one side of the estimate.
    return np.vstack([mean, np.minimum(low, mean), np.maximum(high, mean)])


def _replicates(table: Floats, defined: Bools, how: Resampling) -> Floats:
    """Shape (columns, repetitions): sorting wants a column's replicates side by side.

    Many problems are drawn in groups (see `grouped`).
    """
    sums, counts = grouped(table, defined, how.seed)
    weights = _weights(len(sums), how)
    with np.errstate(invalid="ignore", divide="ignore"):
        if len(sums) == len(table) and defined.all():
            return np.asarray(sums.T @ weights / len(table), np.float64)
        return np.asarray((sums.T @ weights) / (counts.T @ weights), np.float64)


@lru_cache(maxsize=4)
def _weights(problems: int, how: Resampling) -> Floats:
    """How often each repetition drew each problem; shape (problems, repetitions)."""
    rng = np.random.default_rng(how.seed)
    even = np.full(problems, 1.0 / problems)
    return np.ascontiguousarray(rng.multinomial(problems, even, how.repetitions).T, np.float64)


def _interval(
    replicates: Floats, centre: Floats, acceleration: Floats, count: Ints, how: Resampling
) -> tuple[Floats, Floats]:
    """BCa's two ends of every column; NaN for fewer than two problems. Sorts `replicates`."""
    below, tied = _below(replicates, centre)
    edge = 1 / how.repetitions
    bias = norm.ppf(np.clip(below + tied / 2, edge, 1 - edge))
    size = np.maximum(count, 2)
    reach = student.ppf((1 + how.level) / 2, size - 1) * np.sqrt(size / (size - 1))
    replicates.sort(axis=1)  # NaN last
    known = (~np.isnan(replicates)).sum(axis=1)
    row = np.arange(len(replicates))
    ends = []
    for z in (bias - reach, bias + reach):
        at = norm.cdf(bias + z / (1 - acceleration * z)) * np.maximum(known - 1, 0)
        first = np.floor(at).astype(np.int64)
        second = np.minimum(first + 1, np.maximum(known - 1, 0))
        left, right = replicates[row, first], replicates[row, second]
        ends.append(np.where(count >= 2, left + (at - first) * (right - left), np.nan))
    return ends[0], ends[1]


def _below(replicates: Floats, centre: Floats) -> tuple[Floats, Floats]:
    """The shares of replicates below the estimate, and equal to it up to rounding."""
    slack = (np.abs(centre) * _SAME + _SAME)[:, None]
    gap = replicates - centre[:, None]
    with np.errstate(invalid="ignore"):
        below = (gap < -slack).mean(axis=1)
        return below, (np.abs(gap) <= slack).mean(axis=1)


def _bounded(
    mean: Floats, low: Floats, high: Floats, count: Ints, how: Resampling, bounds: Bounds
) -> tuple[Floats, Floats]:
    size = np.maximum(count, 1)
    with np.errstate(invalid="ignore"):
        same = high - low <= _SAME
    reach = np.where(same, 1 - ((1 - how.level) / 2) ** (1 / size), 0.0)
    low = np.minimum(low, mean + reach * (bounds.low - mean))
    high = np.maximum(high, mean + reach * (bounds.high - mean))
    return np.maximum(low, bounds.low), np.minimum(high, bounds.high)
