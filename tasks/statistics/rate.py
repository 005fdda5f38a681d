"""Intervals for means of rates over problems, which stay honest where most problems agree."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import expon, gamma

from tasks.statistics.arrays import Bools, Floats
from tasks.statistics.bootstrap import Resampling
from tasks.statistics.groups import grouped

_ELEMENTS = 4_000_000
"""Replicates of one kind held at once: 32 MB."""


def rate_interval(values: ArrayLike, how: Resampling | None = None) -> Floats:
    """Mean over problems of values in [0, 1], with its interval, column by column.

    Args:
        values: shape (problems, columns), NaN where a problem does not define the column, which
            leaves it out of that column.

    Returns:
        Shape (3, columns): mean, low, high. NaN without a defined problem; the ends are NaN with
        fewer than two, since one problem says nothing about others.

    Two intervals for a proportion, extended to values between 0 and 1. With α = 1 − level:

    *In the middle, Jeffreys'*, with α/2 at either end. The Bayesian bootstrap (Rubin 1981) weighs
    the n problems by Dirichlet(1, …, 1). Here half an observation at 0 and half at 1 join them,
    Dirichlet(1, …, 1, ½, ½), and the ends are quantiles of the weighted mean; where every value is
    0 or 1 that is Beta(s + ½, n − s + ½). Resampling the problems at hand cannot show a kind of
    problem that is not among them, and the half observation stands for it. For each end, the one at
    the far bound counts fully once the problems hold one whole unit away from the near bound, and
    in proportion below.

    *At the edges, one-sided mid-P.* For a rate above e = α^(1/n), all n problems pass with a chance
    above α: no data are too good for it. So the low end never exceeds e (for problems that all
    pass, 1 − e is the rule of three's 3/n), and for rates above e the high end has all of α. Below
    1 − e it is the other way round. To share α by where the rate lies is Feldman and Cousins'
    (1998) and, for proportions, Puza and O'Neill's (2006). Jeffreys' interval is at its worst at
    the edges (Brown, Cai and DasGupta 2001, who put exact ends there); so here the end is mid-P's
    (Lancaster 1961): one whole observation joins the problems, at 0 in half of the replicates and
    at 1 in the others. At 0 in all or at 1 in all they would be Gaffke's (2005) bounds of a mean,
    which are Clopper and Pearson's where values are 0 or 1.

    `benchmarks/coverage.py` measures how often the interval covers. Many problems are weighed in
    groups (see `grouped`).
    """
    how = how or Resampling()
    table = np.atleast_2d(np.asarray(values, np.float64))
    problems, columns = table.shape
    if not problems:
        return np.full((3, columns), np.nan)
    step = max(1, _ELEMENTS // how.repetitions)
    parts = [_interval(table[:, i : i + step], how) for i in range(0, columns, step)]
    return np.concatenate(parts, axis=1) if parts else np.empty((3, 0))


class _Weights(NamedTuple):
    """Gamma variates, which are a Dirichlet's once divided by their sum."""

    problems: Floats
    """Of shape 1; (problems, repetitions)."""
    near: Floats
    """Of shape ½, of the observation at the bound that the end looks to; (repetitions,)."""
    far: Floats
    whole: Floats
    """Of shape 1, in half of the repetitions at 0 and in half at 1; (2, repetitions)."""


def _interval(table: Floats, how: Resampling) -> Floats:
    known = ~np.isnan(table)
    count, ones = known.sum(axis=0), np.where(known, table, 0.0).sum(axis=0)
    sums, sizes = grouped(table, known, how.seed)
    weights = _weights(len(sums), how)
    total, mass = sums.T @ weights.problems, _mass(sizes, weights.problems)
    alpha = 1 - how.level
    low, high = _jeffreys(total, mass, ones, count - ones, weights, alpha / 2)
    edge = alpha ** (1 / np.maximum(count, 1))
    # An end in its edge moves inwards, but not out of it: beyond, only α/2 is to be spent.
    at = low < 1 - edge
    low[at] = np.minimum(_mid_p(total, mass, at, weights.whole, alpha), (1 - edge)[at])
    at = high > edge
    high[at] = np.maximum(_mid_p(total, mass, at, weights.whole, 1 - alpha), edge[at])
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(count > 0, ones / count, np.nan)
    low, high = np.minimum(low, edge), np.maximum(high, 1 - edge)
    ends = np.vstack([np.minimum(low, mean), np.maximum(high, mean)])
    return np.vstack([mean, np.where(count >= 2, ends, np.nan)])


def _jeffreys(
    total: Floats, mass: Floats, ones: Floats, zeros: Floats, weights: _Weights, tail: float
) -> tuple[Floats, Floats]:
    """Both ends of every column; `ones` and `zeros` say how much the problems hold away from 0 and
    from 1. At the low end 1 is the far bound, at the high end 0.
    """
    size = mass + weights.near
    far = np.minimum(ones, 1.0)[:, None] * weights.far
    rows = total + far
    far += size
    rows /= far
    low = _quantile(rows, tail)
    far = np.minimum(zeros, 1.0)[:, None] * weights.far
    far += size
    np.add(total, weights.near, out=rows)
    rows /= far
    return low, _quantile(rows, 1 - tail)


def _mid_p(total: Floats, mass: Floats, at: Bools, whole: Floats, share: float) -> Floats:
    """A quantile in the columns chosen. `whole`: (2, repetitions), what joins at 0, and at 1."""
    own = mass if len(mass) == 1 else mass[at]
    rows = total[at] + whole[1]
    rows /= own + (whole[0] + whole[1])
    return _quantile(rows, share)


def _quantile(rows: Floats, share: float) -> Floats:
    """Of every row, interpolated between its neighbours; reorders `rows`."""
    at = share * (rows.shape[1] - 1)
    first = min(int(at), rows.shape[1] - 2)
    rows.partition((first, first + 1), axis=1)
    below, above = rows[:, first], rows[:, first + 1]
    return np.asarray(below + (at - first) * (above - below), np.float64)


def _mass(sizes: Floats, weights: Floats) -> Floats:
    """The weight of the defined problems, shape (columns, repetitions) or (1, repetitions)."""
    if (sizes == sizes[:, :1]).all():
        return np.asarray((sizes[:, 0] @ weights)[None, :], np.float64)
    return np.asarray(sizes.T @ weights, np.float64)


@lru_cache(maxsize=4)
def _weights(problems: int, how: Resampling) -> _Weights:
    """Stratified, one from the middle of each of as many equally likely strata, in random order: a
    Latin hypercube (McKay, Beckman and Conover 1979), with less noise than free draws.
    """
    rng = np.random.default_rng(how.seed)
    middle = _strata(how.repetitions)
    half = gamma.ppf(middle, 0.5)
    rows = rng.permuted(np.tile(expon.ppf(middle), (problems, 1)), axis=1)
    # Each bound has strata of its own.
    whole = np.zeros((2, how.repetitions))
    cut = how.repetitions // 2
    whole[0, :cut] = rng.permutation(expon.ppf(_strata(cut)))
    whole[1, cut:] = rng.permutation(expon.ppf(_strata(how.repetitions - cut)))
    return _Weights(rows, rng.permutation(half), rng.permutation(half), whole)


def _strata(size: int) -> Floats:
    """The middles of equally likely strata of a uniform variate; shape (size,)."""
    return np.asarray((np.arange(size) + 0.5) / size, np.float64)
