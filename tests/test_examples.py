"""The example of the README is judged as it says."""

from __future__ import annotations

from pathlib import Path

from kernels_eval import Judge, JudgeConfig

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"


def test_the_examples_candidate_is_correct() -> None:
    with Judge(JudgeConfig()) as judge:
        problem, candidate = (
            (EXAMPLES / f"{name}.py").read_text() for name in ("problem", "candidate")
        )
        verdict = judge.evaluate(problem, candidate)
    assert verdict.correct, verdict.error
