"""The correct draw that the model found least likely, per token (arXiv 2602.07670)."""

from __future__ import annotations

from tasks.statistics.arrays import Floats
from tasks.strategies.base import Draws, register_strategy


@register_strategy("surprisal-top3", top=3, uses_logprobs=True)
@register_strategy("surprisal", uses_logprobs=True)
def surprisal(draws: Draws) -> Floats:
    """Minus the mean token log-probability."""
    return -draws.mean_logprob
