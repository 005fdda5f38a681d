"""What one problem's draws of one arm came to, stage by stage: plain arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from storage.ledger import ProblemKey
from tasks.statistics.arrays import Bools, Floats, Ints

KINDS = (
    *("rollouts", "prompt_tokens", "completion_tokens", "prefill_tokens", "teacher_tokens"),
    *("trained_tokens", "evaluations", "judge_seconds", "gpu_seconds", "seconds", "flops"),
)
"""What is spent. `seconds` is all wall time: drawing, judging and learning. `flops`: see
tasks.frontier.flops; NaN where nobody knows the model's parameters."""


@dataclass(frozen=True, eq=False)
class Stage:
    """Draws with a verdict after so many steps, in the order of their numbers; arrays (draws,).

    log_speedup: NaN where the draw is incorrect. source: equal for equal texts of a problem. tokens
        and seconds are sums over the draws.
    """

    fast: Bools
    log_speedup: Floats
    source: Ints
    prompt_tokens: float = 0.0
    completion_tokens: float = 0.0
    sample_seconds: float = 0.0

    def __len__(self) -> int:
        return len(self.fast)

    @property
    def gain(self) -> Floats:
        """Log of the speedup that each delivers: 0 where it is incorrect or no faster than the
        reference, which can always be kept instead."""
        return np.fmax(self.log_speedup, 0.0)


NO_DRAWS = Stage(np.zeros(0, np.bool_), np.zeros(0), np.zeros(0, np.int64))
"""Of an arm that ended before."""


@dataclass(frozen=True, eq=False)
class Track:
    """One problem under one arm: stage s holds the draws after s steps, those of a tail among them.

    judging: what each source cost, by `Stage.source`; (sources, 3) evaluations, seconds, GPU
        seconds. fresh: by stage, the success of draws that nothing was chosen by, outside of every
        budget.
    """

    stages: tuple[Stage, ...]
    judging: Floats
    fresh: tuple[Bools, ...] = ()

    @property
    def draws(self) -> int:
        return sum(len(stage) for stage in self.stages)

    @property
    def sizes(self) -> Ints:
        return np.array([len(stage) for stage in self.stages], np.int64)


@dataclass(frozen=True, eq=False)
class Run:
    """One adaptation: arm by arm, problem by problem.

    group: draws of a problem in a stage, a tail's among them. tail: those. last: steps that were
        made.
    learning: by arm, the cost of each stage's step and the GPU seconds of its draws.
    unjudged: draws that are owed, or have no verdict. parameters: of the base model; None where
        they are not known.
    """

    run_id: str
    seed: int
    unit: str
    group: int
    last: int
    arms: Mapping[str, Mapping[ProblemKey, Track]]
    learning: Mapping[str, Sequence[Mapping[str, float]]] = field(default_factory=dict)
    unjudged: int = 0
    tail: int = 0
    parameters: int | None = None

    @property
    def whole(self) -> int:
        """The budget of an arm, rollouts of one problem."""
        return self.group * (self.last + 1)
