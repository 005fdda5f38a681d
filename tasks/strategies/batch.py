"""Problems of equally many draws side by side: what is exact is worked out for all at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tasks.statistics.arrays import Bools, Floats, Ints
from tasks.strategies.base import Applicability, Draws, Strategy

USUAL = Applicability.APPLICABLE

_SAME = 1e-12
"""Nats per token: rounding."""

_DRAWS = 100_000
"""Draws held side by side: bounds the memory of what is worked out for them."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Runs of problems with n draws each; arrays of shape (problems, n)."""

    draws: tuple[Draws, ...]
    correct: Bools
    fast_1: Bools
    fast_at_most: Bools
    flagged: Bools
    speedup: Floats
    judge_seconds: Floats
    sample_index: Ints
    tokens: Floats
    """Of a draw on average, where known; shape (problems,)."""
    spread: Floats
    """Standard deviation of the log-probabilities, shape (problems,); see `Draws.logprob_std`."""

    @property
    def n(self) -> int:
        return int(self.correct.shape[1])

    def scores(self, strategy: Strategy) -> tuple[Floats, Bools]:
        """Of all draws, all alike where one has none; and where that is."""
        found = np.stack([strategy.all_scores(one) for one in self.draws])
        missing = np.asarray(np.isnan(found).any(axis=1), np.bool_)
        return np.where(missing[:, None], 0.0, found), missing

    def applicability(self, strategy: Strategy, missing: Bools) -> list[Applicability]:
        """What the strategy's scores are worth, problem by problem."""
        tied = self.spread < _SAME if strategy.uses_logprobs else missing
        return [
            Applicability.MISSING if lacks else Applicability.TIED if alike else USUAL
            for lacks, alike in zip(missing.tolist(), tied.tolist(), strict=True)
        ]


def batch(draws: Sequence[Draws]) -> Batch:
    """Of problems with equally many draws."""
    unknown = np.full(draws[0].n, np.nan)
    none = np.zeros(draws[0].n, bool)
    return Batch(
        tuple(draws),
        correct=np.stack([one.correct for one in draws]),
        fast_1=np.stack([one.fast_1 for one in draws]),
        fast_at_most=np.stack([one.fast_at_most for one in draws]),
        flagged=np.stack([none if one.flagged is None else one.flagged for one in draws]),
        speedup=np.stack([one.speedup for one in draws]),
        judge_seconds=np.stack(
            [unknown if one.judge_seconds is None else one.judge_seconds for one in draws]
        ),
        sample_index=np.stack([one.sample_index for one in draws]),
        tokens=_means(np.stack([one.n_tokens for one in draws])),
        spread=spreads(np.stack([one.mean_logprob for one in draws])),
    )


def batches(draws: Sequence[Draws]) -> Iterator[tuple[Ints, Batch]]:
    """All of them, those of equally many draws together, and where they stood in `draws`."""
    n = np.array([one.n for one in draws], np.int64)
    for size in np.unique(n).tolist():
        alike = np.flatnonzero(n == size)
        step = max(1, _DRAWS // max(size, 1))
        for i in range(0, len(alike), step):
            part = alike[i : i + step]
            yield part, batch([draws[j] for j in part.tolist()])


def _means(values: Floats) -> Floats:
    known = ~np.isnan(values)
    total = np.where(known, values, 0.0).sum(axis=1)
    return np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), np.nan)


def spreads(logprobs: Floats) -> Floats:
    """Standard deviation (n − 1) of the finite values in each row; NaN for fewer than two."""
    known = np.isfinite(logprobs)
    count = known.sum(axis=1)
    filled = np.where(known, logprobs, 0.0)
    mean = filled.sum(axis=1) / np.maximum(count, 1)
    squares = np.where(known, (filled - mean[:, None]) ** 2, 0.0).sum(axis=1)
    return np.where(count > 1, np.sqrt(squares / np.maximum(count - 1, 1)), np.nan)
