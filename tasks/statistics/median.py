"""The median over problems, with an interval that needs no resampling."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binom

from tasks.statistics.arrays import Floats

FEWEST = 6
"""Problems from which an interval of 95 % can be had: 1 − 2·½ⁿ of the range's coverage."""


def median_interval(values: ArrayLike, level: float = 0.95) -> Floats:
    """Median over problems with its interval, column by column; shape (3, columns).

    `values`: shape (problems, columns), NaN where a problem does not define the column. The
    interval lies between order statistics, interpolated for the level (Hettmansperger and Sheather
    1986): that x₍d₎ … x₍n+1−d₎ holds the median has the chance P(d ≤ Binomial(n, ½) ≤ n−d),
    whatever the distribution. Below `FEWEST` problems it is their range, which covers less than 95
    %: 50 % for two, 94 % for five. NaN for fewer than two.
    """
    table = np.atleast_2d(np.asarray(values, np.float64))
    columns = table.shape[1]
    found = np.full((3, columns), np.nan)
    ordered = np.sort(table, axis=0)  # NaN last
    count = (~np.isnan(table)).sum(axis=0)
    for n in np.unique(count[count > 0]).tolist():
        at = np.flatnonzero(count == n)
        rows = ordered[:n, at]
        found[0, at] = (rows[(n - 1) // 2] + rows[n // 2]) / 2
        if n >= 2:
            outer, share = _place(n, level)
            inner = min(outer + 1, (n - 1) // 2)
            found[1, at] = (1 - share) * rows[outer] + share * rows[inner]
            found[2, at] = (1 - share) * rows[n - 1 - outer] + share * rows[n - 1 - inner]
    return found


def _place(n: int, level: float) -> tuple[int, float]:
    """The outer order statistic (from 0), and how far to go towards the next one inside."""
    d = np.arange(1, n // 2 + 1)
    covered = binom.cdf(n - d, n, 0.5) - binom.cdf(d - 1, n, 0.5)
    enough = np.flatnonzero(covered >= level)
    if not len(enough):
        return 0, 0.0
    last = int(enough[-1])
    if last + 1 >= len(d):
        return last, 0.0
    depth = last + 1
    step = (covered[last] - level) / (covered[last] - covered[last + 1])
    return last, float((n - depth) * step / (depth + (n - 2 * depth) * step))
