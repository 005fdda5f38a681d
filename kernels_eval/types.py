"""The records that cross the judge's border: plain frozen dataclasses."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """What became of one candidate. Exactly one of them is our own fault: HARNESS_ERROR."""

    CORRECT = "correct"
    INCORRECT = "incorrect"
    COMPILE_ERROR = "compile_error"
    RUNTIME_ERROR = "runtime_error"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    REJECTED = "rejected"
    HARNESS_ERROR = "harness_error"


class Severity(StrEnum):
    """How much a finding weighs. Only the runtime judge convicts; static findings inform."""

    INFO = "info"
    WARNING = "warning"
    CONVICTED = "convicted"


@dataclass(frozen=True, slots=True)
class Finding:
    """One observation about a candidate, static or at run time."""

    rule: str
    severity: Severity
    message: str


@dataclass(frozen=True, slots=True)
class StageSeconds:
    """Wall seconds of one evaluation, by stage; `wall` is from acceptance to verdict."""

    compile: float = 0.0
    draw: float = 0.0
    check: float = 0.0
    time: float = 0.0
    wall: float = 0.0


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a wrong answer is wrong first, and how far it is off."""

    output: int
    """Which tensor of the outputs, in the reference's order."""
    index: tuple[int, ...]
    """Of the first wrong element."""
    candidate: float
    expected: float
    """That element, in float64; of a complex one the part that is wrong."""
    absolute: float
    relative: float
    """The largest differences of the whole output; infinite beside what is not a number."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judge's word on one source for one problem, under one harness, on one device.

    Times are milliseconds per call. `speedup`, `speedup_ci`, `runtime_ms` and `reference_ms` are
    None unless the status is CORRECT. `candidate_trials_ms[i]` and `reference_trials_ms[i]` are one
    pair: measured directly after each other.
    """

    status: Status
    protocol: str
    mode: str
    device: str
    harness_id: str
    compiled: bool = False
    speedup: float | None = None
    speedup_ci: tuple[float, float] | None = None
    runtime_ms: float | None = None
    reference_ms: float | None = None
    candidate_trials_ms: tuple[float, ...] = ()
    reference_trials_ms: tuple[float, ...] = ()
    compiled_ms: float | None = None
    """The reference under torch.compile: its speedup over eager, applied to `reference_ms`. None
    unless `--baseline compile` asked for it, and where torch.compile is wrong or fails."""
    bound_ms: float | None = None
    """Least time physics allows: bytes of inputs and outputs over measured bandwidth."""
    error_ratio: float | None = None
    """Distance from the float64 result, in units of the distance that is allowed (≤ 1 passes); an
    upper bound of it where a look at float32 settles that it passes."""
    kernelbench_correct: bool | None = None
    """What KernelBench's tolerance (1e-4, for half types 1e-2) says of the same outputs: those that
    decided, or the first. None if there were none."""
    precision: str | None = None
    """`float32`, `tf32` or `half`: what the outputs' distance and the source let appear. None where
    they do not tell."""
    difference: Difference | None = None
    """Of the outputs that were wrong, if they had the right form."""
    findings: tuple[Finding, ...] = ()
    error: str | None = None
    sandbox: tuple[str, ...] = ()
    """The defences that were in force, by name."""
    seconds: StageSeconds = field(default_factory=StageSeconds)

    @property
    def correct(self) -> bool:
        return self.status is Status.CORRECT

    @property
    def fast_1(self) -> bool:
        """Correct, and the interval's lower end above 1: a speedup that noise does not explain."""
        return self.correct and self.speedup_ci is not None and self.speedup_ci[0] > 1.0

    @property
    def speedup_compiled(self) -> float | None:
        """Speedup over the compiled reference, where there is one."""
        if self.compiled_ms is None or self.runtime_ms is None:
            return None
        return self.compiled_ms / self.runtime_ms

    @property
    def speed_of_light(self) -> float | None:
        """Share of what memory allows (bound over time), in 0…1; None without a bound."""
        if self.bound_ms is None or not self.runtime_ms:
            return None
        return self.bound_ms / self.runtime_ms

    @property
    def trials(self) -> int:
        return len(self.candidate_trials_ms)

    def to_json(self) -> dict[str, Any]:
        """The contract's `bon eval --json` document, with more columns beside the promised ones.

        JSON has no infinities, and nothing that is not a number: they are None.
        """
        document = asdict(self)
        document["speedup_ci"] = list(self.speedup_ci) if self.speedup_ci else None
        document["findings"] = [asdict(finding) for finding in self.findings]
        document |= {"correct": self.correct, "fast_1": self.fast_1, "trials": self.trials}
        document["speedup_compiled"] = self.speedup_compiled
        document["speed_of_light"] = self.speed_of_light
        finite: dict[str, Any] = _finite(document)
        return finite


def _finite(value: Any) -> Any:
    """With None in the place of every number that JSON lacks."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
