"""Intervals by resampling problems: the problem is the unit that generalises."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm
from scipy.stats import t as student

from tasks.statistics.arrays import Floats, Ints

_ELEMENTS = 4_000_000
"""Numbers gathered at once by the median: 32 MB."""


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


def bootstrap_mean(values: ArrayLike, how: Resampling | None = None) -> Floats:
    """Mean over problems with its interval, column by column.

    Args:
        values: shape (problems, columns): an unbiased estimate per problem; NaN where the problem
            does not define the column, which leaves it out of that column.

    Returns:
        Shape (3, columns): mean, low, high. NaN without a defined problem; the interval is NaN with
        fewer than two, since one problem says nothing about others.

    Only problems are resampled, not the draws within: each problem's estimate already carries the
    noise of its own draws, so that a second stage would count it twice (Davison and Hinkley 1997,
    section 3.8), and draws with replacement bias a maximum low as k nears n. The interval is BCa
    (Efron 1987, with the mean's acceleration Σd³/6(Σd²)^1.5), its normal quantile widened for few
    problems to √(n/(n−1))·t₍α/2, n−1₎ (Hesterberg 2015). No resampling of 20 problems can show the
    rare problem that was not among them: where nearly all have saturated it covers too little.
    """
    how = how or Resampling()
    table = np.atleast_2d(np.asarray(values, np.float64))
    if not len(table):
        return np.full((3, table.shape[1]), np.nan)
    defined = ~np.isnan(table)
    filled = np.where(defined, table, 0.0)
    count = defined.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(count > 0, filled.sum(axis=0) / count, np.nan)
        weights = _weights(len(table), how)
        replicates = (weights @ filled) / (weights @ defined.astype(np.float64))
        centred = np.where(defined, table - mean, 0.0)
        skew = (centred**3).sum(axis=0) / (6 * (centred**2).sum(axis=0) ** 1.5)
    skewed = _Shape(_bias(replicates, mean), np.nan_to_num(skew))
    return _around(mean, _interval(replicates, count, how, skewed))


def bootstrap_median(values: ArrayLike, how: Resampling | None = None) -> Floats:
    """Median over problems with its interval; arguments and result as `bootstrap_mean`.

    Plain percentiles, widened alike: a median has no acceleration.
    """
    how = how or Resampling()
    table = np.atleast_2d(np.asarray(values, np.float64))
    if not len(table):
        return np.full((3, table.shape[1]), np.nan)
    count = (~np.isnan(table)).sum(axis=0)
    drawn = np.random.default_rng(how.seed).integers(0, len(table), (how.repetitions, len(table)))
    columns = []
    for column in table.T:
        step = max(1, _ELEMENTS // len(table))
        columns.append(
            np.concatenate(
                [_median(column[drawn[i : i + step]]) for i in range(0, how.repetitions, step)]
            )
        )
    replicates = np.stack(columns, axis=1) if columns else np.empty((how.repetitions, 0))
    return _around(_median(table.T), _interval(replicates, count, how, _Shape(0.0, 0.0)))


def _around(centre: Floats, ends: Floats) -> Floats:
    """The estimate with its ends, which rounding (or a strong skew) must not put beyond it."""
    low, high = ends
    return np.vstack([centre, np.minimum(low, centre), np.maximum(high, centre)])


@lru_cache(maxsize=4)
def _weights(problems: int, how: Resampling) -> Floats:
    """How often each repetition drew each problem; shape (repetitions, problems)."""
    rng = np.random.default_rng(how.seed)
    even = np.full(problems, 1.0 / problems)
    return rng.multinomial(problems, even, how.repetitions).astype(np.float64)


def _median(rows: Floats) -> Floats:
    """Row by row, NaN left out; NaN for a row of nothing else."""
    ordered = np.sort(rows, axis=-1)
    count = (~np.isnan(rows)).sum(axis=-1)
    upper = np.take_along_axis(ordered, (count // 2).clip(0, rows.shape[-1] - 1)[:, None], -1)
    lower = np.take_along_axis(ordered, ((count - 1) // 2).clip(0)[:, None], -1)
    return np.where(count > 0, (upper[:, 0] + lower[:, 0]) / 2, np.nan)


@dataclass(frozen=True, slots=True)
class _Shape:
    """BCa's corrections, one per column: bias z₀ and acceleration a."""

    bias: Floats | float
    acceleration: Floats | float


def _bias(replicates: Floats, centre: Floats) -> Floats:
    """Φ⁻¹ of the share of replicates below the estimate, ties counting half."""
    close = np.isclose(replicates, centre, rtol=1e-12, atol=1e-15)
    below = ((replicates < centre) & ~close).mean(axis=0) + close.mean(axis=0) / 2
    edge = 1 / len(replicates)
    return np.asarray(norm.ppf(np.clip(below, edge, 1 - edge)), np.float64)


def _interval(replicates: Floats, count: Ints, how: Resampling, shape: _Shape) -> Floats:
    """The two ends of every column; shape (2, columns), NaN for fewer than two problems."""
    size = np.maximum(count, 2)
    reach = student.ppf((1 + how.level) / 2, size - 1) * np.sqrt(size / (size - 1))
    ordered = np.sort(replicates, axis=0)  # NaN last
    known = (~np.isnan(replicates)).sum(axis=0)
    ends = []
    for z in (shape.bias - reach, shape.bias + reach):
        share = norm.cdf(shape.bias + z / (1 - shape.acceleration * z))
        at = share * np.maximum(known - 1, 0)
        low = np.floor(at).astype(np.int64)
        high = np.minimum(low + 1, np.maximum(known - 1, 0))
        left, right = (np.take_along_axis(ordered, i[None, :], axis=0)[0] for i in (low, high))
        ends.append(np.where(count >= 2, left + (at - low) * (right - left), np.nan))
    return np.stack(ends)
