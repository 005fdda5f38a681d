"""Any correct draw: the control of every strategy. Its top-m times m of them and keeps the best."""

from __future__ import annotations

import numpy as np

from tasks.statistics.arrays import Floats
from tasks.strategies.base import Draws, register_strategy


@register_strategy("random-top3", top=3)
@register_strategy("random")
def no_preference(draws: Draws) -> Floats:
    """All tie, and ties share evenly."""
    return np.zeros(draws.n)
