"""Does the score go with speed within problems? Rank correlations pooled over problems,
quartiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from tasks.statistics.arrays import Floats, Ints


@dataclass(frozen=True, slots=True)
class Correlation:
    """A rank correlation ρ with its two-sided p (by Student's t); NaN where undefined."""

    rho: float
    p: float
    draws: int
    problems: int


NOTHING = Correlation(float("nan"), float("nan"), 0, 0)


def pooled_spearman(problems: Sequence[tuple[Floats, Floats]]) -> Correlation:
    """Spearman's ρ between x and y within problems, pooled.

    Values are ranked within their problem and centred there, so that neither hard problems nor long
    ones make a correlation; then all draws are pooled. Degrees of freedom: draws less one for each
    problem, less one. Draws with a NaN are left out, as are problems with fewer than three draws.
    """
    ranked = centred_ranks(problems)
    if ranked is None:
        return NOTHING
    (first, second), block = ranked
    problems_left = int(block[-1]) + 1
    freedom = len(block) - problems_left - 1
    size = float(np.sqrt((first @ first) * (second @ second)))
    if size < 1e-12 or freedom < 1:
        return Correlation(float("nan"), float("nan"), len(block), problems_left)
    rho = float(np.clip(first @ second / size, -1.0, 1.0))
    tail = np.inf if abs(rho) == 1 else abs(rho) * np.sqrt(freedom / (1 - rho * rho))
    return Correlation(rho, float(2 * student.sf(tail, freedom)), len(block), problems_left)


def centred_ranks(problems: Sequence[Sequence[Floats]]) -> tuple[Floats, Ints] | None:
    """Of what is `complete`: ranks within problems, centred, and the number of each problem."""
    known = complete(problems)
    if known is None:
        return None
    values, block = known
    counts = np.bincount(block)[block]
    # Ranks of a large problem are wide; a common scale keeps it from outweighing the rest.
    rows = [(rank_within(row, block) - (counts + 1) / 2) / counts for row in values]
    return np.stack(rows), block


def rank_within(values: Floats, block: Ints) -> Floats:
    """Mid-ranks from 1 within each block; `block` ascending, no NaN."""
    ahead, size = _ties_within(values, block)
    return ahead + (size + 1) / 2


def _ties_within(values: Floats, block: Ints) -> tuple[Floats, Floats]:
    """How many of its block are lower than each, and how many are equal, itself included."""
    order = np.lexsort((values, block))
    ordered, of = values[order], block[order]
    begins = np.r_[True, (of[1:] != of[:-1]) | (ordered[1:] != ordered[:-1])]
    starts = np.flatnonzero(begins)
    sizes = np.diff(np.r_[starts, len(values)])
    ahead, size = np.empty(len(values)), np.empty(len(values))
    ahead[order] = np.repeat(starts - np.searchsorted(of, of[starts]), sizes)
    size[order] = np.repeat(sizes, sizes)
    return ahead, size


def complete(problems: Sequence[Sequence[Floats]]) -> tuple[Floats, Ints] | None:
    """Rows of values, and the number of each draw's problem; None if nothing is left.

    Without the draws that lack a value, and the problems with fewer than three of the others.
    """
    if not problems:
        return None
    sizes = np.array([len(one[0]) for one in problems], np.int64)
    block = np.repeat(np.arange(len(problems)), sizes)
    values = np.stack([np.concatenate(rows) for rows in zip(*problems, strict=True)])
    values = np.asarray(values, np.float64)
    kept = np.isfinite(values).all(axis=0)
    kept &= (np.bincount(block[kept], minlength=len(problems)) >= 3)[block]
    if not kept.any():
        return None
    return values[:, kept], np.unique(block[kept], return_inverse=True)[1]


def quarter_weights(scores: Floats, block: Ints) -> Floats:
    """How much of each draw lies in each quarter of its block by score, the highest first.

    Shape (4, draws); `block` is ascending, scores are no NaN. A draw of rank i of n covers the
    ranks i … i + 1 of 0 … n, and of a quarter's border within it either side has its part. So every
    quarter holds exactly n/4 draws of every block: whole draws would leave a remainder, which puts
    more of small problems into some quarters than into others. Tied draws share their ranks evenly.
    """
    if not len(scores):
        return np.empty((4, 0))
    ahead, size = _ties_within(-scores, block)
    border = np.bincount(block)[block] / 4
    quarter = np.arange(4)[:, None]
    covered = np.minimum(ahead + size, (quarter + 1) * border) - np.maximum(ahead, quarter * border)
    return np.asarray(np.maximum(covered, 0.0) / size, np.float64)
