"""Does the score go with speed within problems? Rank correlations pooled over problems,
quartiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata
from scipy.stats import t as student

from tasks.statistics.arrays import Floats


@dataclass(frozen=True, slots=True)
class Correlation:
    """Spearman's ρ with its two-sided p (by Student's t); NaN where undefined."""

    rho: float
    p: float
    draws: int
    problems: int


def pooled_spearman(
    problems: Sequence[tuple[Floats, Floats]], given: Sequence[Floats] = ()
) -> Correlation:
    """ρ between x and y within problems, pooled; partial if `given` holds a third value per draw.

    Values are ranked within their problem and centred there, so that neither hard problems nor long
    ones make a correlation; then all draws are pooled. The partial ρ correlates what remains of
    both ranks after a common least-squares line on the ranks of `given`. Degrees of freedom: draws
    less one for each problem, less one, less one for `given`. Draws with a NaN are left out, as are
    problems with fewer than three draws.
    """
    blocks = []
    for i, (x, y) in enumerate(problems):
        rows = np.stack([x, y, *([given[i]] if len(given) else [])]).astype(np.float64)
        rows = rows[:, np.isfinite(rows).all(axis=0)]
        if rows.shape[1] >= 3:
            ranked = rankdata(rows, axis=1)
            # Ranks of a large problem are wide; a common scale keeps it from outweighing the rest.
            blocks.append((ranked - ranked.mean(axis=1, keepdims=True)) / rows.shape[1])
    if not blocks:
        return Correlation(float("nan"), float("nan"), 0, 0)
    pooled = np.concatenate(blocks, axis=1)
    first, second = pooled[0], pooled[1]
    if len(given):
        third = pooled[2]
        weight = float(third @ third)
        if weight > 0:
            first = first - third * (first @ third) / weight
            second = second - third * (second @ third) / weight
    size = float(np.sqrt((first @ first) * (second @ second)))
    draws = pooled.shape[1]
    freedom = draws - len(blocks) - 1 - bool(len(given))
    if size < 1e-12 or freedom < 1:
        return Correlation(float("nan"), float("nan"), draws, len(blocks))
    rho = float(np.clip(first @ second / size, -1.0, 1.0))
    tail = np.inf if abs(rho) == 1 else abs(rho) * np.sqrt(freedom / (1 - rho * rho))
    return Correlation(rho, float(2 * student.sf(tail, freedom)), draws, len(blocks))


def quartile_of(scores: Floats) -> Floats:
    """1 … 4, highest scores first, within one problem; tied ones share their mean rank's quartile.

    NaN where the score is.
    """
    known = np.isfinite(scores)
    found = np.full(len(scores), np.nan)
    if known.any():
        share = (rankdata(-scores[known]) - 0.5) / known.sum()
        found[known] = np.minimum(np.floor(4 * share) + 1, 4)
    return found
