"""Intervals for means of rates over problems, which stay honest where most problems agree."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import gamma

from tasks.statistics.arrays import Bools, Floats
from tasks.statistics.bootstrap import Resampling

_ELEMENTS = 8_000_000
"""Replicates held at once: 64 MB."""


def rate_interval(values: ArrayLike, how: Resampling | None = None) -> Floats:
    """Mean over problems of values in [0, 1], with its interval, column by column.

    Args:
        values: shape (problems, columns), NaN where a problem does not define the column, which
            leaves it out of that column.

    Returns:
        Shape (3, columns): mean, low, high. NaN without a defined problem; the ends are NaN with
        fewer than two, since one problem says nothing about others.

    Jeffreys' interval for a proportion, for values that may lie between 0 and 1. The Bayesian
    bootstrap (Rubin 1981) weighs the n problems by Dirichlet(1, …, 1). Here half an observation at
    0 and half at 1 join them, Dirichlet(1, …, 1, ½, ½), and the ends are quantiles of the weighted
    mean; where every value is 0 or 1 that is Beta(s + ½, n − s + ½), Jeffreys' interval itself.
    Resampling the problems at hand cannot show a kind of problem that is not among them, and near 0
    or 1 a mean hangs on just that: the half observation stands for it. Where all agree on a bound,
    that bound is an end of the interval (Brown, Cai and DasGupta 2001). For each end, the half
    observation at the far bound counts fully once the problems hold one whole unit away from the
    near bound, and in proportion below. `benchmarks/coverage.py` measures how often it covers.
    """
    how = how or Resampling()
    table = np.atleast_2d(np.asarray(values, np.float64))
    problems, columns = table.shape
    if not problems:
        return np.full((3, columns), np.nan)
    step = max(1, _ELEMENTS // how.repetitions)
    parts = [_interval(table[:, i : i + step], how) for i in range(0, columns, step)]
    return np.concatenate(parts, axis=1) if parts else np.empty((3, 0))


def _interval(table: Floats, how: Resampling) -> Floats:
    known = ~np.isnan(table)
    filled = np.where(known, table, 0.0)
    weights, near, far = _weights(len(table), how)
    count = known.sum(axis=0)
    ones = filled.sum(axis=0)
    total, mass = filled.T @ weights, _mass(known, weights)
    tail = (1 - how.level) / 2
    # At the low end 1 is the far bound, at the high end 0.
    above = np.minimum(ones, 1.0)[:, None] * far
    below = np.minimum(count - ones, 1.0)[:, None] * far
    low = _quantile((total + above) / (mass + near + above), tail)
    high = _quantile((total + near) / (mass + near + below), 1 - tail)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(count > 0, ones / count, np.nan)
    ends = np.where(count >= 2, np.vstack([np.minimum(low, mean), np.maximum(high, mean)]), np.nan)
    return np.vstack([mean, ends])


def _quantile(rows: Floats, share: float) -> Floats:
    """Of every row, interpolated between its neighbours; reorders `rows`."""
    at = share * (rows.shape[1] - 1)
    first = min(int(at), rows.shape[1] - 2)
    rows.partition((first, first + 1), axis=1)
    below, above = rows[:, first], rows[:, first + 1]
    return np.asarray(below + (at - first) * (above - below), np.float64)


def _mass(known: Bools, weights: Floats) -> Floats:
    """The weight of the defined problems, shape (columns, repetitions) or (1, repetitions)."""
    if known.all():
        return np.asarray(weights.sum(axis=0)[None, :], np.float64)
    return np.asarray(known.T.astype(np.float64) @ weights, np.float64)


@lru_cache(maxsize=4)
def _weights(problems: int, how: Resampling) -> tuple[Floats, Floats, Floats]:
    """Gamma variates, a Dirichlet once divided by their sum: (problems, repetitions), and two of
    shape ½ for the bounds, (repetitions,).

    The latter are stratified, one from the middle of each of as many equally likely strata: where
    problems agree the ends are theirs alone, and need no noise.
    """
    rng = np.random.default_rng(how.seed)
    middle = (np.arange(how.repetitions) + 0.5) / how.repetitions
    near, far = (gamma.ppf(rng.permutation(middle), 0.5) for _ in range(2))
    return rng.standard_exponential((problems, how.repetitions)), near, far
