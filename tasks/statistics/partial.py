"""Do two values go together among draws of equal length? A correlation of what length leaves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.stats import rankdata
from scipy.stats import t as student

from tasks.statistics.arrays import Floats, Ints
from tasks.statistics.association import NOTHING, Correlation, complete

_OWN, _MOST_OWN = 5, 12
"""Draws for each term of a problem's own curve over length, and terms at most."""

_COMMON, _MOST_COMMON = 10, 40
"""The same of the curve that all problems share."""

_MOST_JUMPS, _FEW, _STEPS = 250, 5_000, 3
"""Lengths at which a step is looked for, draws up to which it is, and steps at most."""

_TRIED, _CHANCE = 10, 0.2
"""Steps at neighbouring lengths are alike: about so many independent ones; p below which one is
taken out. One too many costs a degree of freedom, one too few a false claim."""

_ELEMENTS = 4_000_000
"""Of the terms held at once: 32 MB."""

_ALIKE = 1e-9
"""Squared sizes below this share of the largest are rounding: terms that say the same."""


def partial_correlation(problems: Sequence[tuple[Floats, Floats, Floats]]) -> Correlation:
    """ρ between x and y within problems at equal z > 0; each problem as (x, y, z), shapes (n,).

    Both are regressed on log z, and the residuals' ranks, over all problems, are correlated. The
    curve over log z is piecewise linear: each problem has a level and a slope of its own, with a
    knot for every five draws, and all share a curve with a knot for every ten, and up to three
    steps where either value jumps at a length by more than chance explains. A line through ranks
    (the textbook's partial Spearman) is not enough: what it leaves of a bend, a step or of slopes
    that differ between problems is left in both, and looks like a correlation.

    p is that of the mean product of residuals over its own spread, as in the generalised
    covariance measure (Shah and Peters 2020): it needs no equal noise at all lengths. Degrees of
    freedom: draws less all terms, less one. `benchmarks/partial.py` counts how often it errs in
    worlds where length alone matters. Draws that lack a value are left out, and problems of fewer
    than three draws.
    """
    known = complete([(x, y, _log(z)) for x, y, z in problems])
    if known is None:
        return NOTHING
    values, block = known
    problems_left = int(block[-1]) + 1
    knots = _common_knots(values[2])
    jumps = _jumps(values[2])
    found = list(_own_residuals(values, block, knots, jumps))
    rows = np.concatenate([some for some, _ in found], axis=1)
    first, second, *shared = rows[: 2 + len(knots)]
    steps = rows[2 + len(knots) :].T
    freedom = sum(left for _, left in found) - 1
    if shared:
        common = _orthonormal(np.stack(shared, axis=1))
        first, second = (one - common @ (common.T @ one) for one in (first, second))
        freedom -= int((np.abs(common).sum(axis=0) > 0).sum())
        steps = steps - common @ (common.T @ steps)
    for _ in range(_STEPS):
        found_at = [_steepest(one, steps, freedom) for one in (first, second)]
        place = sorted({at for at in found_at if at is not None})
        if not place:
            break
        taken = _orthonormal(steps[:, place])
        first, second = (one - taken @ (taken.T @ one) for one in (first, second))
        steps = steps - taken @ (taken.T @ steps)
        freedom -= len(place)
    undefined = Correlation(float("nan"), float("nan"), len(block), problems_left)
    if freedom < 1 or min(np.abs(first).max(), np.abs(second).max()) < 1e-9:
        return undefined
    first, second = (_centred_ranks(one) for one in (first, second))
    product = first * second
    size = float(np.sqrt((first @ first) * (second @ second)))
    spread = float(np.sqrt((product @ product) * len(product) / (freedom + 1)))
    if not size or not spread:
        return undefined
    p = float(2 * student.sf(abs(float(product.sum())) / spread, freedom))
    return Correlation(float(product.sum()) / size, p, len(block), problems_left)


def _jumps(z: Floats) -> Floats:
    """Lengths between which a value may step, at most `_MOST_JUMPS`; none among many draws, whose
    curves have knots enough."""
    lengths = np.unique(z)
    between = (lengths[1:] + lengths[:-1]) / 2
    if len(between) > _MOST_JUMPS:
        between = np.quantile(z, np.arange(1, _MOST_JUMPS + 1) / (_MOST_JUMPS + 1))
    return np.asarray(between if len(z) <= _FEW else between[:0], np.float64)


def _steepest(values: Floats, steps: Floats, freedom: int) -> int | None:
    """The step that values follow most, if by more than chance among all of them explains."""
    sizes = (steps**2).sum(axis=0)
    whole = float(values @ values)
    if freedom < 4 or not whole or not sizes.max(initial=0.0) > _ALIKE * len(values):
        return None
    known = np.where(sizes > _ALIKE * len(values), sizes, np.inf)
    shares = (values @ steps) ** 2 / known / whole
    best = int(np.argmax(shares))
    share = min(float(shares[best]), 1 - 1e-12)
    t = np.sqrt(share * (freedom - 1) / (1 - share))
    return best if 2 * student.sf(t, freedom - 1) * _TRIED < _CHANCE else None


def _log(z: Floats) -> Floats:
    return np.asarray(np.log(np.where(z > 0, z, np.nan)), np.float64)


def _centred_ranks(values: Floats) -> Floats:
    # Equal residuals differ by rounding, and would be ranked by it.
    ranks = rankdata(np.round(values / np.abs(values).max(), 9))
    return np.asarray((ranks - ranks.mean()) / len(ranks), np.float64)


def _common_knots(z: Floats) -> Floats:
    """At every length where there are few: then the curve is any at all."""
    lengths = np.unique(z)
    if len(lengths) <= min(_MOST_COMMON, len(z) // _OWN):
        return np.asarray(lengths[1:-1], np.float64)
    pieces = min(_MOST_COMMON, len(z) // _COMMON) + 1
    # Lengths are skewed: within the last piece a curve may still bend.
    outer = np.array([0.25, 0.5, pieces - 0.5, pieces - 0.25]) / pieces
    ends = np.quantile(z, outer if pieces > 4 else [])
    return np.asarray(np.r_[_knots(z, pieces), ends], np.float64)


def _knots(values: Floats, pieces: int) -> Floats:
    """Between `pieces` parts of equally many draws, along the last axis."""
    return np.asarray(np.quantile(values, np.arange(1, pieces) / pieces, axis=-1), np.float64)


def _own_residuals(
    values: Floats, block: Ints, knots: Floats, jumps: Floats
) -> Iterator[tuple[Floats, int]]:
    """Of x, of y and of every shared term, what the problems' own curves leave; and the degrees of
    freedom that are left. Problems of equally many draws at once."""
    counts = np.bincount(block)
    starts = np.cumsum(counts) - counts
    for n in np.unique(counts).tolist():
        pieces = min(_MOST_OWN, max(1, n // _OWN))
        of_size = np.flatnonzero(counts == n)
        step = max(1, _ELEMENTS // (n * (pieces + 3 + len(knots) + len(jumps))))
        for i in range(0, len(of_size), step):
            x, y, z = values[:, starts[of_size[i : i + step], None] + np.arange(n)]
            centred = z - z.mean(axis=1, keepdims=True)
            own = _knots(z, pieces)
            terms = np.stack(
                [np.ones_like(z), centred, *(np.maximum(z - at[:, None], 0) for at in own)], axis=2
            )
            basis = _orthonormal(terms)
            shared = [np.maximum(z - at, 0) for at in knots]
            shared += [(z > at).astype(np.float64) for at in jumps]
            rows = np.stack([x, y, *shared], axis=2)
            rows = rows - basis @ (basis.transpose(0, 2, 1) @ rows)
            used = int((np.abs(basis).sum(axis=1) > 0).sum())
            yield rows.reshape(-1, rows.shape[2]).T, z.size - used


def _orthonormal(terms: Floats) -> Floats:
    """A basis of the columns' span, zero where columns say the same; (…, n, columns)."""
    scale = np.sqrt((terms**2).sum(axis=-2, keepdims=True))
    unit = terms / np.where(scale > 1e-9, scale, np.inf)
    # By the small matrix of products: of long columns a decomposition takes many times as long.
    sizes, turns = np.linalg.eigh(unit.swapaxes(-1, -2) @ unit)
    kept = sizes > _ALIKE * np.maximum(sizes[..., -1:], 1e-300)
    weights = turns * (kept / np.sqrt(np.where(kept, sizes, 1.0)))[..., None, :]
    return np.asarray(unit @ weights, np.float64)
