"""What a training may claim from its draws of held-out problems."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from storage import Lake
from tasks.adapt.numbering import draw_indices
from tasks.frontier.held_out import ArmHeldOut, held_out
from tests.storage.make import candidate_row, evaluation_row, run_row

FAST, SLOW, WRONG = 2.0, 0.5, -1.0

Drawn = Mapping[tuple[str, int], "np.ndarray[tuple[int, int], np.dtype[np.float64]]"]
"""Arm and step → speedups, WRONG where incorrect, NaN where the judge failed; (problems, draws)."""


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(tmp_path / "lake", create=True)


def judged(lake: Lake, drawn: Drawn) -> dict[str, ArmHeldOut]:
    """What is said of a run with these draws."""
    lake.append("runs", [run_row("r") | {"kind": "train"}], run_id="r")
    arms = list(dict.fromkeys(arm for arm, _ in drawn if arm != "base"))
    candidates, verdicts = [], []
    for (arm, step), table in drawn.items():
        number = 0 if arm == "base" else 1 + arms.index(arm)
        for problem, own in enumerate(table, 1):
            indices = draw_indices(number, step, len(own), "confirm")
            for place, (index, speed) in enumerate(zip(indices, own, strict=True)):
                text = f"{arm}-{step}-{place}"
                at = {"arm": arm, "step": step, "purpose": "confirm"}
                at |= {} if arm == "base" else {"checkpoint_id": f"{arm}-{step}", "unit": "batch"}
                candidates.append(candidate_row(problem, index, text) | at)
                status = "correct" if speed > 0 else "incorrect"
                status = "harness_error" if math.isnan(speed) else status
                verdicts.append(evaluation_row(problem, text, status=status, speedup=speed))
    lake.append("candidates", candidates, run_id="r")
    lake.append("evaluations", verdicts, run_id="r")
    return held_out(lake, "r", arms, "embedded")[0]


def all_of(speed: float, problems: int = 8, draws: int = 4) -> np.ndarray:
    return np.full((problems, draws), speed)


def test_numbers_are_means_over_problems(lake: Lake) -> None:
    mixed = np.array([[4.0, 1.0, WRONG, WRONG], [WRONG, WRONG, math.nan, 8.0]])
    found = judged(lake, {("base", 0): all_of(WRONG, 2), ("grpo", 3): mixed})["grpo"]
    first, last = found.evaluations
    assert (first.step, first.policy, first.correct, first.speedup) == (0, "embedded", 0, None)
    assert (last.step, last.policy, last.draws) == (3, "checkpoint:grpo-3", 7)
    assert last.correct == pytest.approx((2 / 4 + 1 / 3) / 2)
    assert last.fast_1.mean == pytest.approx((1 / 4 + 1 / 3) / 2)
    assert last.speedup == pytest.approx(math.sqrt(2 * 8))
    assert last.change is not None
    assert last.change.mean == pytest.approx(last.fast_1.mean)


def test_what_held_is_said_with_its_interval(lake: Lake) -> None:
    steps = {("base", 0): all_of(SLOW), ("grpo", 1): all_of(SLOW), ("grpo", 2): all_of(FAST)}
    found = judged(lake, steps)["grpo"]
    assert found.verdict.startswith("grpo does better on problems that it did not learn from: ")
    assert "after 2 steps 100.0 % of the draws of 8 held-out problems" in found.verdict
    assert "no placebo ran beside it" in found.verdict
    last = found.evaluations[-1].change
    assert last is not None
    assert last.low is not None
    assert last.low > 0
    assert found.best is not None
    assert (found.best.step, found.best.policy) == (2, "checkpoint:grpo-2")
    assert found.best.naive == found.best.cross_fitted == 1


def test_the_last_checkpoint_is_tested_and_not_the_best(lake: Lake) -> None:
    steps = {("base", 0): all_of(SLOW), ("grpo", 1): all_of(FAST), ("grpo", 2): all_of(SLOW)}
    found = judged(lake, steps)["grpo"]
    assert found.verdict.startswith("nothing is shown of grpo: after 2 steps 0.0 %")
    assert found.best is not None
    assert found.best.step == 1


def test_what_was_lost_is_said_too(lake: Lake) -> None:
    found = judged(lake, {("base", 0): all_of(FAST), ("grpo", 1): all_of(SLOW)})["grpo"]
    assert found.verdict.startswith("grpo does worse on problems")


def test_a_placebo_stands_beside_and_claims_nothing(lake: Lake) -> None:
    steps = {("base", 0): all_of(SLOW), ("grpo", 1): all_of(FAST)}
    found = judged(lake, {**steps, ("placebo:grpo", 1): all_of(FAST)})
    assert found["grpo"].verdict.endswith("; placebo:grpo +100.0")
    assert found["placebo:grpo"].verdict.startswith("placebo:grpo, a control of which nothing")


def test_few_problems_show_nothing(lake: Lake) -> None:
    found = judged(lake, {("base", 0): all_of(SLOW, 5), ("grpo", 1): all_of(FAST, 5)})["grpo"]
    assert found.verdict.startswith("nothing is shown of grpo: 5 problems are too few for any test")


@pytest.mark.parametrize(
    "drawn", [{("base", 0): all_of(SLOW)}, {("grpo", 1): all_of(SLOW), ("grpo", 2): all_of(FAST)}]
)
def test_without_both_ends_nothing_is_known(lake: Lake, drawn: Drawn) -> None:
    found = judged(lake, {**drawn, ("placebo", 1): all_of(math.nan)})
    for arm in found.values():
        assert arm.verdict.startswith("nothing is known of")
