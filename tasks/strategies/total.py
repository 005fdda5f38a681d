"""The sum over tokens instead of the mean: how unlikely the whole completion is."""

from __future__ import annotations

from tasks.statistics.arrays import Floats
from tasks.strategies.base import Draws, register_strategy


@register_strategy("surprisal-sum", uses_logprobs=True, exploratory=True)
def total_surprisal(draws: Draws) -> Floats:
    """Minus the sum of token log-probabilities: long completions are surprising by length alone."""
    return -draws.sum_logprob
