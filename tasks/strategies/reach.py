"""Which draws a study is about: at every budget the same runs of the same problems.

Runs and problems rarely have equally many verdicts. A curve whose points are over other problems at
every k can fall where every problem's own curve rises. So one depth K is chosen, what has fewer
verdicts is left out of all points and named, and beyond K nothing is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.strategies.base import Draws

MOST = 0.75
"""Share of all runs of problems that take part at least: depth is not bought with the others."""


@dataclass(frozen=True, eq=False)
class Reach:
    """What takes part, up to which budget, and what has too few verdicts for it."""

    k: int | None
    """The deepest budget; None where nothing has as many verdicts as the smallest."""
    ks: tuple[int, ...]
    """The budgets up to it."""
    kept: tuple[Draws, ...]
    left_out: tuple[Draws, ...]


def reach(draws: Sequence[Draws], ks: Sequence[int]) -> Reach:
    """The deepest of the budgets `ks` (ascending) that `MOST` of the runs of problems reach.

    Shares are of those that reach the smallest budget. Where that leaves one draw, among which
    nothing is chosen, more than half of them are enough.
    """
    n = np.array([one.n for one in draws], np.int64)
    counts = [(k, int((n >= k).sum())) for k in ks]
    if not counts or not counts[0][1]:
        return Reach(None, tuple(ks), tuple(draws), ())
    all_of = counts[0][1]
    k = max(k for k, count in counts if count >= MOST * all_of)
    if k == 1:
        k = max(k for k, count in counts if k == 1 or 2 * count > all_of)
    return Reach(
        k,
        tuple(one for one in ks if one <= k),
        tuple(one for one in draws if one.n >= k),
        tuple(one for one in draws if one.n < k),
    )
