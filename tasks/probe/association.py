"""Does surprise go with speed, within problems? Rank correlations pooled over problems, with
intervals over problems."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata
from scipy.stats import t as student

from tasks.statistics.arrays import Floats
from tasks.statistics.partial import partial_correlation

LEAST = 4
"""Draws of a problem that a correlation is read from: Fisher's z of fewer has no variance."""

_LEVEL = 0.95


@dataclass(frozen=True)
class Pooled:
    """A correlation over problems with its 95 % interval; NaN where undefined. problems, draws:
    that it was read from."""

    rho: float
    low: float
    high: float
    problems: int
    draws: int


NOTHING = Pooled(math.nan, math.nan, math.nan, 0, 0)


def spearman(x: Floats, y: Floats) -> float:
    """ρ of two arrays of shape (n,); NaN where one of them does not vary, or with n below 2."""
    if len(x) < 2 or not np.ptp(x) or not np.ptp(y):
        return math.nan
    return float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])


def pooled_by_fisher(problems: Sequence[tuple[Floats, Floats]]) -> Pooled:
    """Spearman's ρ of each problem, as z = artanh ρ, averaged with weights n − 3.

    A ρ of ±1 counts as half a swap of neighbours less. The interval is Student's over problems,
    and never narrower than Fisher's 1/√Σ(n − 3), which is what the draws alone leave open; NaN with
    fewer than two problems. Draws with a value that is not finite are left out, and problems with
    fewer than four others, or where a value does not vary.
    """
    z, weights, draws = [], [], 0
    for x, y in problems:
        known = np.isfinite(x) & np.isfinite(y)
        n = int(known.sum())
        rho = spearman(x[known], y[known]) if n >= LEAST else math.nan
        if math.isnan(rho):
            continue
        edge = 1 - 6 / (n * (n * n - 1))
        z.append(math.atanh(min(max(rho, -edge), edge)))
        weights.append(n - 3)
        draws += n
    if not z:
        return NOTHING
    values, weight = np.array(z), np.array(weights, np.float64)
    mean = float(np.average(values, weights=weight))
    if len(z) < 2:
        return Pooled(math.tanh(mean), math.nan, math.nan, 1, draws)
    share = weight / weight.sum()
    between = float((share**2) @ (values - mean) ** 2) * len(z) / (len(z) - 1)
    spread = math.sqrt(max(between, 1 / weight.sum()))
    return _around(mean, spread, len(z), draws)


def partial_over_problems(problems: Sequence[tuple[Floats, Floats, Floats]]) -> Pooled:
    """The same of x and y at equal z > 0, each problem as (x, y, z).

    The correlation of what length leaves (tasks.statistics.partial), over all draws at once: within
    one problem there are too few draws for a curve over length. Its interval is the jackknife's
    over problems, on artanh ρ; NaN with fewer than three.
    """
    found = partial_correlation(problems)
    if math.isnan(found.rho):
        return NOTHING
    left_out = [
        partial_correlation([*problems[:place], *problems[place + 1 :]]).rho
        for place, (x, y, z) in enumerate(problems)
        if (np.isfinite(x) & np.isfinite(y) & (z > 0)).sum() >= 3
    ]
    z = np.array([math.atanh(rho) for rho in left_out if abs(rho) < 1])
    if len(z) < max(3, found.problems) or abs(found.rho) >= 1:
        return Pooled(found.rho, math.nan, math.nan, found.problems, found.draws)
    spread = math.sqrt((len(z) - 1) / len(z) * float(((z - z.mean()) ** 2).sum()))
    return _around(math.atanh(found.rho), spread, found.problems, found.draws)


def least_likely_quarter(surprise: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which draws are the quarter with the highest surprise, rounded up; ties by their order."""
    chosen = np.zeros(len(surprise), np.bool_)
    chosen[np.argsort(-surprise, kind="stable")[: math.ceil(len(surprise) / 4)]] = True
    return chosen


def _around(mean: float, spread: float, problems: int, draws: int) -> Pooled:
    reach = float(student.ppf((1 + _LEVEL) / 2, problems - 1)) * spread
    return Pooled(
        math.tanh(mean), math.tanh(mean - reach), math.tanh(mean + reach), problems, draws
    )
