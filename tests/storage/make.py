"""Rows for the storage tests: small, typed like the real ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from storage import Lake

START = datetime(2026, 1, 1, tzinfo=UTC)


def run_row(run_id: str = "r1", *, k: int = 4, minute: int = 0) -> dict[str, object]:
    return {
        "run_id": run_id,
        "created_at": START + timedelta(minutes=minute),
        "kind": "sweep",
        "suite": "s",
        "k": k,
        "config": "{}",
        "versions": "{}",
    }


def candidate_row(problem_id: int, sample_index: int, source_hash: str) -> dict[str, object]:
    return {
        "suite": "s",
        "level": 1,
        "problem_id": problem_id,
        "sample_index": sample_index,
        "source_hash": source_hash,
        "policy_id": "p-1",
        "n_tokens": 10,
        "sum_logprob": -float(sample_index),
        "mean_logprob": -float(sample_index) / 10,
        "logprob_mode": "raw_logprobs",
        "created_at": START,
    }


def evaluation_row(
    problem_id: int,
    source_hash: str,
    *,
    status: str = "correct",
    speedup: float | None = None,
    minute: int = 0,
    harness_id: str = "h1",
) -> dict[str, object]:
    correct = status == "correct"
    value = (speedup or 2.0) if correct else None
    return {
        "suite": "s",
        "level": 1,
        "problem_id": problem_id,
        "evaluation_id": f"e-{problem_id}-{source_hash}-{minute}",
        "source_hash": source_hash,
        "harness_id": harness_id,
        "status": status,
        "compiled": status != "compile_error",
        "correct": correct,
        "fast_1": value is not None and value > 1,
        "speedup": value,
        "trials": 5,
        "findings": [],
        "sandbox": ["seccomp"],
        "evaluated_at": START + timedelta(minutes=minute),
    }


def small_run(lake: Lake, run_id: str = "r1") -> None:
    """Two problems, four draws each; draws 0 and 1 share a source, draw 3 is wrong."""
    lake.append("runs", [run_row(run_id)], run_id=run_id)
    for problem_id in (2, 1):
        problem = {"suite": "s", "level": 1, "problem_id": problem_id, "name": f"n{problem_id}"}
        lake.append("problems", [problem | {"problem_hash": "x", "source": "y"}], run_id=run_id)
        sources = ["a", "a", "b", "c"]
        draws = [candidate_row(problem_id, i, s) for i, s in enumerate(sources)]
        lake.append("candidates", draws, run_id=run_id, part=f"L1-{problem_id}")
        lake.append(
            "evaluations",
            [
                evaluation_row(problem_id, "a", speedup=1.5),
                evaluation_row(problem_id, "b", speedup=0.5),
                evaluation_row(problem_id, "c", status="incorrect"),
            ],
            run_id=run_id,
        )


def checkpoint_row(checkpoint_id: str, **given: object) -> dict[str, object]:
    """A row of `checkpoints`: step 1 of a batch of the embedded policy."""
    return {
        "arm": "centred",
        "unit": "batch",
        "step": 1,
        "checkpoint_id": checkpoint_id,
        "parent_id": "base",
        "policy": f"embedded#lora=/lake/adapters/{checkpoint_id}",
        "policy_id": "embedded-0",
        "trainer_id": "local-0",
        "path": f"adapters/{checkpoint_id}",
        "sha256": "",
        "optimizer_sha256": "",
        "bytes": 1,
        "created_at": datetime.now(UTC),
    } | given
