"""Paired comparisons of two arms on the same problems."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binom, wilcoxon

from tasks.statistics.arrays import Floats

Alternative = Literal["two-sided", "greater", "less"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A test over pairs: how many informative pairs there were, the statistic, and p (NaN if none).

    Informative are pairs that differ; the rest says nothing on the direction.
    """

    pairs: int
    statistic: float
    p: float


def wilcoxon_signed_rank(
    differences: ArrayLike, alternative: Alternative = "two-sided"
) -> Difference:
    """Wilcoxon's signed-rank test; on log ratios of speedups it asks which arm is faster.

    NaN (a side undefined) and zero differences are left out, never replaced; exact for few pairs
    without ties, by the normal approximation otherwise (scipy decides). p is NaN without any pair.
    Wilcoxon 1945.
    """
    given = np.asarray(differences, np.float64)
    kept = given[~np.isnan(given) & (given != 0)]
    if not len(kept):
        return Difference(0, float("nan"), float("nan"))
    test = wilcoxon(kept, alternative=alternative)
    return Difference(len(kept), float(test.statistic), float(test.pvalue))


def mcnemar_exact(only_a: int, only_b: int, alternative: Alternative = "two-sided") -> Difference:
    """Exact McNemar: of the discordant pairs, how many favour a? Binomial(only_a + only_b, ½).

    The statistic is `only_a`. "greater" asks whether a succeeds more often. p is NaN without a
    discordant pair. McNemar 1947, exact form.
    """
    if only_a < 0 or only_b < 0:
        raise ValueError("counts of discordant pairs cannot be negative")
    pairs = only_a + only_b
    if not pairs:
        return Difference(0, 0.0, float("nan"))
    greater, less = binom.sf(only_a - 1, pairs, 0.5), binom.cdf(only_a, pairs, 0.5)
    p = {"greater": greater, "less": less, "two-sided": min(1.0, 2 * min(greater, less))}
    return Difference(pairs, float(only_a), float(p[alternative]))


def cohens_h(p: ArrayLike, q: ArrayLike) -> Floats:
    """Effect size between two proportions: 2·asin √p − 2·asin √q. Cohen 1988.

    0.2 is called small, 0.5 medium, 0.8 large. NaN outside [0, 1].
    """
    with np.errstate(invalid="ignore"):
        first, second = (np.arcsin(np.sqrt(np.asarray(x, np.float64))) for x in (p, q))
    return np.asarray(2 * first - 2 * second, np.float64)


def holm(p_values: ArrayLike) -> Floats:
    """Holm's step-down adjustment of a family of p-values, in the order given. Holm 1979.

    The r-th smallest of m is multiplied by m − r (from 0), made monotone, capped at 1. NaN stays
    NaN and is not counted among the m.
    """
    given = np.asarray(p_values, np.float64)
    adjusted = np.full(given.shape, np.nan)
    tested = np.flatnonzero(~np.isnan(given))
    order = tested[np.argsort(given[tested], kind="stable")]
    scaled = given[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0) if len(order) else scaled
    return adjusted
