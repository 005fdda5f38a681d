"""Verdicts as rows of `evaluations` and `timings`, a refusal as one of `refusals`."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from kernels_eval import Verdict
from tasks.evaluate.place import Place
from tasks.problems import Problem

Row = dict[str, object]


def verdict_rows(
    problem: Problem, source_hash: str, verdict: Verdict, place: Place | None, take: int = 1
) -> tuple[Row, Row]:
    """(`evaluations` row, `timings` row); the second has empty trials unless it was timed.

    take: 2 for a winner that was measured again, 3 for what was unsettled at the end.
    """
    key: Row = {
        "suite": problem.suite,
        "level": problem.level,
        "problem_id": problem.problem_id,
        "evaluation_id": uuid.uuid4().hex,
        "source_hash": source_hash,
    }
    low, high = verdict.speedup_ci or (None, None)
    evaluation = key | {
        "problem_hash": problem.problem_hash,
        "harness_id": verdict.harness_id,
        "protocol": verdict.protocol,
        "mode": verdict.mode,
        "device": verdict.device,
        "status": str(verdict.status),
        "compiled": verdict.compiled,
        "correct": verdict.correct,
        "fast_1": verdict.fast_1,
        "speedup": verdict.speedup,
        "speedup_low": low,
        "speedup_high": high,
        "runtime_ms": verdict.runtime_ms,
        "reference_ms": verdict.reference_ms,
        "trials": verdict.trials,
        "compiled_ms": verdict.compiled_ms,
        "bound_ms": verdict.bound_ms,
        "error_ratio": verdict.error_ratio,
        "kernelbench_correct": verdict.kernelbench_correct,
        "precision": verdict.precision,
        "findings": [
            {"rule": f.rule, "severity": str(f.severity), "message": f.message}
            for f in verdict.findings
        ],
        "error": verdict.error,
        "sandbox": list(verdict.sandbox),
        "compile_seconds": verdict.seconds.compile,
        "draw_seconds": verdict.seconds.draw,
        "check_seconds": verdict.seconds.check,
        "time_seconds": verdict.seconds.time,
        "wall_seconds": verdict.seconds.wall,
        "evaluated_at": datetime.now(UTC),
        "host": place.host if place else None,
        "machine": place.machine if place else None,
        "take": take,
    }
    timing = key | {
        "candidate_ms": list(verdict.candidate_trials_ms),
        "reference_ms": list(verdict.reference_trials_ms),
    }
    return evaluation, timing


def refusal_row(problem: Problem, harness_id: str, reason: str) -> Row:
    """The `refusals` row of a problem that the judge refused."""
    return {
        "suite": problem.suite,
        "level": problem.level,
        "problem_id": problem.problem_id,
        "problem_hash": problem.problem_hash,
        "harness_id": harness_id,
        "reason": reason,
        "refused_at": datetime.now(UTC),
    }
