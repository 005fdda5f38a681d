"""What an objective sees: the judged draws of one problem that were sampled together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from tasks.statistics.arrays import Bools, Floats

_QUANTILE = 1.959963984540054  # of the normal distribution at 0.975: the judge's intervals are 95 %


@dataclass(frozen=True, eq=False)
class Verdicts:
    """The judge's verdicts on G draws, arrays of shape (G,).

    Every draw has a verdict: one that failed for a reason of ours (`harness_error`) is no draw
    here, and one that was `rejected` is incorrect. Speedups are NaN where incorrect.
    """

    correct: Bools
    fast_1: Bools
    speedup: Floats
    """Reference time over candidate time."""
    speedup_low: Floats
    """Ends of its 95 % interval; NaN where the protocol gives none, too."""
    speedup_high: Floats

    def __post_init__(self) -> None:
        sizes = {len(one) for one in (self.correct, self.fast_1, self.speedup)}
        sizes |= {len(self.speedup_low), len(self.speedup_high)}
        if len(sizes) != 1:
            raise ValueError(f"verdicts of different lengths: {sorted(sizes)}")
        known = self.speedup[self.correct]
        if not (np.isfinite(known) & (known > 0)).all():
            raise ValueError("a correct draw without a positive speedup")

    @classmethod
    def of_rows(cls, rows: Sequence[Mapping[str, object]]) -> Verdicts:
        """From rows with the columns of `evaluations`. Raises ValueError for a `harness_error`."""
        if any(row.get("status") == "harness_error" for row in rows):
            raise ValueError("a harness_error is no verdict on a draw: leave it out")
        correct = np.array([row["correct"] is True for row in rows], np.bool_)

        def numbers(column: str) -> Floats:
            values = [row.get(column) for row in rows]
            given = np.array([np.nan if value is None else value for value in values], np.float64)
            return np.where(correct, given, np.nan)

        return cls(
            correct,
            correct & np.array([row["fast_1"] is True for row in rows], np.bool_),
            numbers("speedup"),
            numbers("speedup_low"),
            numbers("speedup_high"),
        )

    @property
    def n(self) -> int:
        """G, the number of draws."""
        return len(self.correct)

    @property
    def log_sd(self) -> Floats:
        """Standard deviation of log speedup that the judge's interval means, shape (G,); NaN where
        there is none."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return (np.log(self.speedup_high) - np.log(self.speedup_low)) / (2 * _QUANTILE)


@dataclass(frozen=True, eq=False)
class Group:
    """G draws of one problem from one checkpoint, with a reward each.

    reward: shape (G,), finite.
    verdicts: behind the rewards, for objectives that look at them.
    history: speedups of correct draws of this problem before these, oldest first (`paper`).
    seed: of `placebo`'s permutation.
    sampled, base, teacher: log-probabilities in nats, per draw one array of shape (tokens,): under
        the checkpoint that drew, the model before the first step, and the teacher. All at the
        sampling temperature.
    """

    reward: Floats
    verdicts: Verdicts | None = None
    history: Floats = field(default_factory=lambda: np.zeros(0))
    seed: int = 0
    sampled: Sequence[Floats] | None = None
    base: Sequence[Floats] | None = None
    teacher: Sequence[Floats] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "reward", np.asarray(self.reward, np.float64))
        if self.reward.ndim != 1 or not np.isfinite(self.reward).all():
            raise ValueError("rewards are one finite number per draw")
        if self.verdicts is not None and self.verdicts.n != self.n:
            raise ValueError(f"{self.n} rewards, but {self.verdicts.n} verdicts")

    @property
    def n(self) -> int:
        """G, the number of draws."""
        return len(self.reward)

    @property
    def judged(self) -> Verdicts:
        """The verdicts. Raises ValueError if the group has none."""
        if self.verdicts is None:
            raise ValueError("this objective needs the verdicts behind the rewards")
        return self.verdicts


def differences(above: Sequence[ArrayLike], below: Sequence[ArrayLike]) -> list[Floats]:
    """above − below, draw by draw. Raises ValueError where a draw has other tokens in the two."""
    pairs = [
        (np.asarray(one, np.float64), np.asarray(other, np.float64))
        for one, other in zip(above, below, strict=True)
    ]
    if any(one.shape != other.shape for one, other in pairs):
        raise ValueError("two log-probabilities of a draw are not of the same tokens")
    return [one - other for one, other in pairs]
