"""The best of all k draws: what no rule can beat, since it times everything.

Its pick is the fastest correct draw. Its fast_1 is the chance that any of the k is surely faster: a
draw of 1.5x within [0.9, 2.1] is faster than one of 1.2x within [1.1, 1.3], and yet not surely.
"""

from __future__ import annotations

import numpy as np

from tasks.statistics.arrays import Floats
from tasks.strategies.base import Draws, register_strategy


@register_strategy("oracle", after_timing=True, ceiling=True)
def speed(draws: Draws) -> Floats:
    """The measured speedup; a correct draw without one comes last."""
    return np.where(np.isnan(draws.speedup), -np.inf, draws.speedup)
