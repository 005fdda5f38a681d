"""Length by itself, and surprisal without what length explains of it."""

from __future__ import annotations

import numpy as np

from tasks.statistics.arrays import Floats
from tasks.strategies.base import Draws, register_strategy


@register_strategy("shortest", exploratory=True)
def shortness(draws: Draws) -> Floats:
    """Minus the number of tokens: the control for every score that length could explain."""
    return -draws.n_tokens


@register_strategy("surprisal-at-length", uses_logprobs=True, exploratory=True)
def surprisal_at_length(draws: Draws) -> Floats:
    """Mean surprisal less its least-squares line over log length, fitted to all draws with both.

    NaN where a draw lacks one. With all lengths equal there is nothing to take away. The line
    belongs to the problem, not to the k draws of a subset, so that a draw keeps its score.
    """
    surprisal = -draws.mean_logprob
    with np.errstate(divide="ignore", invalid="ignore"):
        length = np.log(np.where(draws.n_tokens > 0, draws.n_tokens, np.nan))
    known = np.isfinite(length) & np.isfinite(surprisal)
    if not known.any():
        return np.full(draws.n, np.nan)
    centred = length - length[known].mean()
    spread = float((centred[known] ** 2).sum())
    slope = float((centred[known] * surprisal[known]).sum()) / spread if spread > 1e-12 else 0.0
    return np.asarray(surprisal - slope * centred, np.float64)
