"""Surprisal of the tokens that write the code, without reasoning and prose around it."""

from __future__ import annotations

from tasks.statistics.arrays import Floats
from tasks.strategies.base import Draws, register_strategy


@register_strategy(
    "surprisal-code", uses_logprobs=True, needs=["code_mean_logprob"], exploratory=True
)
def code_surprisal(draws: Draws) -> Floats:
    """Minus the mean token log-probability within the code; unknown where its span is not
    stored."""
    return -draws.column("code_mean_logprob")
