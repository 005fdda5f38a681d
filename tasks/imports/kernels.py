"""Candidates that were made elsewhere: what is kept of them, and how they become a run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property

from storage import Lake, layout
from tasks.errors import RequestError
from tasks.policies.imported import policy_id
from tasks.problems.base import Problem
from tasks.sample.rows import source_hash


@dataclass(frozen=True)
class Claim:
    """What the makers of a kernel say of it: kept beside what is measured, never in its place."""

    correct: bool | None = None
    speedup: float | None = None
    """Reference time over candidate time."""
    runtime_ms: float | None = None


@dataclass(frozen=True)
class Drawn:
    """What is known of a kernel's drawing (columns of `candidates`)."""

    n_tokens: int | None = None
    sum_logprob: float | None = None
    mean_logprob: float | None = None
    logprob_mode: str | None = None


@dataclass(frozen=True)
class Kernel:
    """One candidate that was made elsewhere and comes without a verdict."""

    level: int
    problem_id: int
    sample_index: int
    source: str
    claim: Claim = Claim()
    drawn: Drawn = Drawn()

    @property
    def key(self) -> tuple[int, int, int]:
        return self.level, self.problem_id, self.sample_index


@dataclass(frozen=True)
class Kernels:
    """Every candidate of a run folder or a table, in order of level, problem and sample."""

    name: str
    kernels: tuple[Kernel, ...]
    left_out: int = 0
    """Rows of a table that hold no source."""

    @property
    def k(self) -> int:
        """Samples asked for per problem, as far as the numbers tell: the highest one, plus one."""
        return 1 + max(kernel.sample_index for kernel in self.kernels)

    @property
    def levels(self) -> tuple[int, ...]:
        return tuple(sorted({kernel.level for kernel in self.kernels}))

    @property
    def problem_ids(self) -> tuple[int, ...]:
        return tuple(sorted({kernel.problem_id for kernel in self.kernels}))

    @cached_property
    def digest(self) -> str:
        """12 hex digits over all candidates: what the stored policy is called."""
        digest = hashlib.sha256()
        for kernel in self.kernels:
            key = f"{kernel.level}/{kernel.problem_id}/{kernel.sample_index}\0{kernel.source}\0"
            said = [one for one in (kernel.claim, kernel.drawn) if one not in (Claim(), Drawn())]
            digest.update((key + "".join(map(repr, said))).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()[:12]


def write_kernels(
    given: Kernels,
    problems: Sequence[Problem],
    run_id: str,
    lake: Lake,
    run: Mapping[str, object],
    *,
    again: bool = False,
) -> int:
    """Write the kernels as the new run `run_id`, unjudged; returns the number of candidates.

    `run` is the row of `runs`; it is written last, so
    that an import that was interrupted is finished by repeating it. With `again`, a run that these
    very kernels have become already is no error, and gets back the parts that it lacks.

    Raises RequestError for a run that is there already, or a candidate whose problem is not among
    `problems`; storage's RunIdInvalidError and RunLockedError.
    """
    layout.check_run_id(run_id)
    known = {(problem.level, problem.problem_id): problem for problem in problems}
    for kernel in given.kernels:
        if (kernel.level, kernel.problem_id) not in known:
            raise RequestError(
                f"{given.name} has candidates for level {kernel.level}, problem "
                f"{kernel.problem_id}, which the suite lacks; give the --suite that they answer"
            )
    part = f"import-{given.digest}"
    now = datetime.now(UTC)
    candidates = [
        {
            "suite": known[kernel.level, kernel.problem_id].suite,
            "level": kernel.level,
            "problem_id": kernel.problem_id,
            "sample_index": kernel.sample_index,
            "source_hash": source_hash(kernel.source),
            "policy_id": policy_id(given.digest),
            "completion": kernel.source,
            "source": kernel.source,
            "created_at": now,
            "claimed_correct": kernel.claim.correct,
            "claimed_speedup": kernel.claim.speedup,
            "claimed_runtime_ms": kernel.claim.runtime_ms,
            **asdict(kernel.drawn),
        }
        for kernel in given.kernels
    ]
    answered = {(kernel.level, kernel.problem_id) for kernel in given.kernels}
    rows = [
        {
            "suite": problem.suite,
            "level": problem.level,
            "problem_id": problem.problem_id,
            "name": problem.name,
            "problem_hash": problem.problem_hash,
            "source": problem.source,
        }
        for key, problem in known.items()
        if key in answered
    ]
    named = {f"L{row['level']}-{row['problem_id']}-{row['problem_hash']}": row for row in rows}
    with lake.run_lock(run_id):
        runs, drawn = _held(lake, "runs", run_id), _held(lake, "candidates", run_id)
        finishes = part in runs if runs else drawn <= {part}
        if (runs and not again) or not finishes or _held(lake, "problems", run_id) - {*named}:
            raise RequestError(f"run {run_id!r} is in the lake already; take another --run")
        for name, row in named.items():
            lake.append("problems", [row], run_id=run_id, part=name)
        lake.append("candidates", candidates, run_id=run_id, part=part)
        lake.append("runs", [{**run, "created_at": now}], run_id=run_id, part=part)
    return len(candidates)


def _held(lake: Lake, table: str, run_id: str) -> set[str]:
    return {path.stem.removeprefix("part-") for path in lake.parts(table, run_id)}
