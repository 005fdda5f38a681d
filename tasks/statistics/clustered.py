"""An interval for a rank correlation within problems: the problem is the unit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import t as student

from tasks.statistics.arrays import Floats, Ints
from tasks.statistics.association import centred_ranks


def rank_correlation_interval(
    problems: Sequence[tuple[Floats, Floats]], level: float = 0.95
) -> tuple[float, float]:
    """Ends of the interval of `pooled_spearman`'s ρ over problems; NaN with fewer than two.

    Problems may differ in how score and speed go together, and draws of one problem are not
    independent (equal sources share a time). So problems are left out one at a time (the
    jackknife), on Fisher's z, with Student's t. Problems that are alike, as copies are, seem to
    leave nothing open; the error is at least that of as many draws whose score says nothing.
    """
    ranked = centred_ranks(problems)
    if ranked is None:
        return float("nan"), float("nan")
    (x, y), block = ranked
    parts = np.stack(
        [np.bincount(block, one).astype(np.float64) for one in (x * y, x * x, y * y)], axis=1
    )
    n = len(parts)
    if n < 2:
        return float("nan"), float("nan")
    total = parts.sum(axis=0)
    most = 1 - 1 / max(len(block) - n, 2)
    centre, without = _fisher(total[None, :], most)[0], _fisher(total - parts, most)
    if not (np.isfinite(centre) and np.isfinite(without).all()):
        return float("nan"), float("nan")
    error = np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum())
    error = max(float(error), _by_chance(parts, block))
    reach = float(student.ppf((1 + level) / 2, n - 1) * error)
    rho = float(total[0] / np.sqrt(total[1] * total[2]))
    return min(float(np.tanh(centre - reach)), rho), max(float(np.tanh(centre + reach)), rho)


def _by_chance(parts: Floats, block: Ints) -> float:
    """Standard error of ρ where ranks are dealt out at random within each problem.

    Of one problem of m draws the variance of Σxy is Σx²·Σy²/(m − 1).
    """
    draws = np.bincount(block)
    spread = parts[:, 1] * parts[:, 2] / np.maximum(draws - 1, 1)
    total = parts.sum(axis=0)
    return float(np.sqrt(spread.sum() / (total[1] * total[2])))


def _fisher(sums: Floats, most: float) -> Floats:
    """z of each ρ, which few draws show to be `most` at most: z of 1 is infinite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        rho = sums[:, 0] / np.sqrt(sums[:, 1] * sums[:, 2])
        return np.asarray(np.arctanh(np.clip(rho, -most, most)), np.float64)
