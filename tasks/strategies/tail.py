"""The least likely tokens of a completion alone; from the stored log-probability of every token."""

from __future__ import annotations

from tasks.statistics.arrays import Floats
from tasks.strategies.base import Draws, register_strategy


@register_strategy("surprisal-tail", uses_logprobs=True, needs=["lowest_tenth"], exploratory=True)
def tail_surprisal(draws: Draws) -> Floats:
    """Minus the mean log-probability of the least likely tenth of the tokens."""
    return -draws.column("lowest_tenth")


@register_strategy(
    "surprisal-window", uses_logprobs=True, needs=["lowest_window"], exploratory=True
)
def window_surprisal(draws: Draws) -> Floats:
    """Minus the mean log-probability of the least likely stretch of 16 tokens."""
    return -draws.column("lowest_window")


@register_strategy("confidence-tail", uses_logprobs=True, needs=["lowest_tenth"], exploratory=True)
def tail_confidence(draws: Draws) -> Floats:
    """The mean log-probability of the least likely tenth: sure even where it was least sure.

    The bottom-decile confidence of Fu et al. 2025 (arXiv 2508.15260), over tokens instead of their
    groups of tokens.
    """
    return draws.column("lowest_tenth")
