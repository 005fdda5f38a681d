"""The answers of the report's queries, typed: one record per query, fields named as its columns.

Units: milliseconds per call (`_ms`), wall seconds (`seconds`), nats (`surprisal`, `spread`).
None is what the lake does not hold (no log-probability, no verdict, nothing correct).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class ProblemKey(NamedTuple):
    """What a problem is called across tables."""

    suite: str
    level: int
    problem_id: int

    @property
    def anchor(self) -> str:
        """The problem's place in the page: letters, digits and dashes."""
        suite = "".join(sign if sign.isalnum() else "-" for sign in self.suite)
        return f"problem-{suite}-{self.level}-{self.problem_id}"


@dataclass(frozen=True, slots=True)
class OfProblem:
    """The part of a row that says which problem it is about."""

    suite: str
    level: int
    problem_id: int

    @property
    def key(self) -> ProblemKey:
        return ProblemKey(self.suite, self.level, self.problem_id)

    def card(self, run_id: str, sample_index: int) -> str:
        """The place in the page of one of its candidates."""
        run = "".join(sign if sign.isalnum() else "-" for sign in run_id)
        return f"{self.key.anchor}-{run}-{sample_index}"


@dataclass(frozen=True, slots=True)
class RunRow:
    run_id: str
    created_utc: str
    kind: str
    profile: str | None
    suite: str
    policy: str | None
    policy_id: str | None
    k: int
    seed: int | None
    harness_id: str | None
    host: str | None
    versions: str
    config: str
    machines: list[str] | None
    """Models of hardware; None where none is recorded."""


@dataclass(frozen=True, slots=True)
class CoverageRow:
    run_id: str
    problems: int
    draws: int
    judged: int
    harness_errors: int
    correct: int
    fast_1: int
    unsettled: int
    """Correct draws whose interval of the speedup holds 1."""
    busy: int
    """Verdicts from a machine that never grew quiet."""
    fast_by_library: int
    """Fast draws that call the library."""
    miniature: bool | None
    """Whether the embedded policy drew."""
    distinct_sources: int
    with_logprob: int
    cut_short: int
    logprob_modes: str | None
    devices: str | None


@dataclass(frozen=True, slots=True)
class ScalingRow:
    k: int
    measure: str
    value: float
    problems: int


@dataclass(frozen=True, slots=True)
class NamedProblem(OfProblem):
    name: str | None

    @property
    def title(self) -> str:
        """`12 Matmul with diagonal matrices`."""
        words = " ".join((self.name or "").replace("_", " ").split())
        words = words.removeprefix(f"{self.problem_id} ")
        return f"{self.problem_id} {words}".strip()


@dataclass(frozen=True, slots=True)
class RefusalRow(NamedProblem):
    reason: str
    draws: int


@dataclass(frozen=True, slots=True)
class ProblemRow(NamedProblem):
    draws: int
    judged: int
    correct: int
    fast_1: int
    sources: int
    correct_sources: int
    speedup: float | None
    speedup_low: float | None
    speedup_high: float | None
    runtime_ms: float | None
    reference_ms: float | None
    bound_ms: float | None
    spread: float | None
    spread_correct: float | None

    @property
    def label(self) -> str:
        """The title, cut so that it fits beside a bar."""
        return self.title if len(self.title) <= 28 else self.title[:27].rstrip() + "…"

    @property
    def share_of_bound(self) -> float | None:
        """The physical bound over the best candidate's time: 1 is as fast as physics allows."""
        if self.bound_ms is None or not self.runtime_ms:
            return None
        return self.bound_ms / self.runtime_ms


@dataclass(frozen=True, slots=True)
class ClaimRow(OfProblem):
    """`made`, `told` and `kept` are of all claims: made, judged, upheld."""

    run_id: str
    sample_index: int
    claimed_correct: bool | None
    status: str | None
    claimed_speedup: float | None
    speedup: float | None
    speedup_low: float | None
    speedup_high: float | None
    upheld: bool | None
    made: int
    told: int
    kept: int


@dataclass(frozen=True, slots=True)
class StatusRow(OfProblem):
    outcome: str
    draws: int


@dataclass(frozen=True, slots=True)
class SurprisalRow(OfProblem):
    run_id: str
    sample_index: int
    surprisal: float
    speedup: float
    fast_1: bool


@dataclass(frozen=True, slots=True)
class QuartileRow:
    ranking: str
    quartile: int
    draws: float
    """A quarter of all, exactly: a draw on a border is of both sides in part."""
    surprisal: float
    fast_1: float
    speedup_geomean: float
    speedup_median: float
    speedup_mean: float
    n_tokens: float | None


@dataclass(frozen=True, slots=True)
class CostRow:
    run_id: str
    stage: str
    items: int
    seconds: float | None
    prompt_tokens: int | None
    completion_tokens: int | None


@dataclass(frozen=True, slots=True)
class FindingRow:
    rule: str
    severity: str
    draws: int
    correct_draws: int
    sources: int
    problems: int
    example: str | None


@dataclass(frozen=True, slots=True)
class FailureRow:
    status: str
    error: str
    draws: int
    sources: int
    problems: int


@dataclass(frozen=True, slots=True)
class SuspiciousRow(OfProblem):
    reason: str
    run_id: str
    source_hash: str
    sample_index: int
    draws: int
    status: str
    speedup: float | None
    runtime_ms: float | None
    bound_ms: float | None
    remark: str | None
    source: str | None


@dataclass(frozen=True, slots=True)
class FastPRow:
    p: float
    k: int
    fast_p: float
    problems: int


@dataclass(frozen=True, slots=True)
class ByRunRow:
    run_id: str
    strategy: str
    k: int
    fast_1: float
    success: float
    problems: int


@dataclass(frozen=True, slots=True)
class NextRow(OfProblem):
    draws: int
    fast_1: int
    best: float
    gain: float
    at_most: float | None
    seconds: float | None
    gain_per_second: float | None


@dataclass(frozen=True, slots=True)
class DrawRow(OfProblem):
    run_id: str
    sample_index: int
    source_hash: str
    outcome: str
    speedup: float | None
    speedup_low: float | None
    speedup_high: float | None
    runtime_ms: float | None
    surprisal: float | None
    n_tokens: int | None
    flagged: bool
    remark: str
    source: str | None


@dataclass(frozen=True, slots=True)
class PickRow(OfProblem):
    run_id: str
    sample_index: int
    source_hash: str
    strategies: str
    status: str
    speedup: float | None
    speedup_low: float | None
    speedup_high: float | None
    runtime_ms: float | None
    reference_ms: float | None
    trials: int | None
    surprisal: float | None
    n_tokens: int | None
    source: str | None


@dataclass(frozen=True, slots=True)
class ReferenceRow(OfProblem):
    name: str | None
    source: str | None


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step of an arm, or stage of the base arm; shares of its draws."""

    arm: str
    step: int
    draws: int
    fast_1: float | None
    rejected: float | None
    distinct_sources: float | None
    kl_from_base: float | None
    """Nats per token, the mean of its units."""


@dataclass(frozen=True, slots=True)
class TrainedRow:
    """One gradient step of a training."""

    run_id: str
    arm: str
    step: int
    status: str
    items: int
    reward: float | None
    """Mean over the draws that it learned from."""
    loss: float | None
    kl_from_base: float | None
    """Nats per token."""


@dataclass(frozen=True, slots=True)
class TrainingCostRow:
    """What one stage of a training's arm took, over all its steps."""

    run_id: str
    arm: str
    stage: str
    rollouts: int
    tokens: int
    evaluations: int
    seconds: float
    gpu_seconds: float


@dataclass(frozen=True, slots=True)
class RegimeRow(OfProblem):
    """One problem under one trained arm."""

    arm: str
    coverage: float
    """Share of the base arm's first stage that is fast_1."""
    benefit: float
    """Share of the arm's later draws less that of the base arm's later ones."""
