"""The correct draw that the model found likeliest, per token."""

from __future__ import annotations

from tasks.statistics.arrays import Floats
from tasks.strategies.base import Draws, register_strategy


@register_strategy("confidence-top3", top=3, uses_logprobs=True)
@register_strategy("confidence", uses_logprobs=True)
def confidence(draws: Draws) -> Floats:
    """Mean token log-probability (mean, not sum: length is not confidence)."""
    return draws.mean_logprob
