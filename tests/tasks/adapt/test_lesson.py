"""From draws in the lake to items: which draws, which verdicts, which numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storage import Lake
from storage.commit import commit
from tasks.adapt.drawn import drawn_for, earlier_speedups
from tasks.adapt.lesson import Lesson, lesson
from tasks.adapt.objectives import parse_objective
from tasks.adapt.rewards import parse_reward
from tasks.adapt.units import Unit, units_of
from tasks.problems import Problem, load_suite
from tasks.statistics.arrays import Floats
from tests.storage.make import candidate_row, evaluation_row

PROBLEMS = load_suite("embedded").select((12, 14))
TOKENS = [5, 6, 7]
LOGPROBS = [-0.5, -1.0, -0.25]


def draw(
    lake: Lake, problem: int, index: int, source: str, arm: str, step: int, **more: Any
) -> None:
    row = candidate_row(problem, index, source) | {"suite": "embedded", "n_prompt_tokens": 2}
    place = {"arm": arm, "step": step, **more}
    key = {"suite": "embedded", "level": 1, "problem_id": problem, "sample_index": index}
    tokens = key | {"logprob_mode": "raw_logprobs", "token_ids": TOKENS, "logprobs": LOGPROBS}
    part = f"{problem}-{index}"
    commit(lake, "r", part, {"token_logprobs": [tokens], "candidates": [row | place]})


def judge(lake: Lake, problem: int, source: str, speedup: float | None, **more: Any) -> str:
    status = "incorrect" if speedup is None else "correct"
    row = evaluation_row(problem, source, status=status, speedup=speedup) | {"suite": "embedded"}
    row |= {"speedup_low": speedup, "speedup_high": speedup} | more
    row["evaluation_id"] = f"{row['evaluation_id']}-{len(lake.parts('evaluations', 'r'))}"
    lake.append("evaluations", [row], run_id="r")
    return str(row["evaluation_id"])


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Four draws of problem 12 and two of 14 in the base arm's first stage, and a later one."""
    lake = Lake.open(tmp_path / "lake", create=True)
    for index, source in enumerate("abca"):
        draw(lake, 12, index, source, "base", 0)
    draw(lake, 12, 4, "d", "base", 1)
    for index, source in enumerate("ab"):
        draw(lake, 14, index, source, "base", 0)
    for problem, source, speedup in ((12, "a", 2.0), (12, "b", None), (12, "d", 9.0)):
        judge(lake, problem, source, speedup)
    judge(lake, 12, "c", None, status="harness_error")
    for source, speedup in (("a", 4.0), ("b", 1.0)):
        judge(lake, 14, source, speedup)
    return lake


def taught(lake: Lake, unit: Unit, step: int, arm: str | None = None, **more: Any) -> Lesson:
    def base_scores(_: Sequence[int], completions: Sequence[Sequence[int]]) -> list[Floats]:
        return [np.full(len(one), -1.0) for one in completions]

    def prompt_of(problem: Problem) -> list[int]:
        return [1, problem.problem_id]

    return lesson(
        unit,
        step,
        drawn_for(lake, "r", unit, step),
        parse_objective(arm or unit.arm),
        parse_reward("clip3"),
        run_seed=3,
        prompt_of=prompt_of,
        base_scores=base_scores,
        earlier=earlier_speedups(lake, "r", unit, step),
        **more,
    )


def test_the_first_step_learns_from_the_base_arms_first_stage(lake: Lake) -> None:
    unit, other = units_of(["centred"], PROBLEMS, "problem")
    found = taught(lake, unit, 1)
    # Draw 2 has no verdict of its own doing, and is no item at all. Draws 0 and 3 are one text.
    assert [item.draw.sample_index for item in found.items] == [0, 1, 3]
    first = found.items[0]
    assert (first.prompt, first.tokens) == ((1, 12), tuple(TOKENS))
    assert first.behaviour == pytest.approx(LOGPROBS)
    assert [one.reward for one in found.learned] == [2, 0, 2]
    assert [one.advantage for one in found.learned] == pytest.approx([2 / 3, -4 / 3, 2 / 3])
    assert first.advantages == pytest.approx([2 / 3] * 3)
    assert [one.reward for one in taught(lake, other, 1).learned] == [3, 1]


def test_a_batch_teaches_all_problems_at_once(lake: Lake) -> None:
    (unit,) = units_of(["centred"], PROBLEMS, "batch")
    found = taught(lake, unit, 1)
    assert [item.draw.problem_id for item in found.items] == [12, 12, 12, 14, 14]
    assert sum(one.advantage for one in found.learned[3:]) == pytest.approx(0)


def test_a_group_too_small_for_the_objective_teaches_nothing(lake: Lake) -> None:
    (unit,) = units_of(["max@2"], PROBLEMS, "batch")
    assert {item.draw.problem_id for item in taught(lake, unit, 1).items} == {12}
    (unit,) = units_of(["max@3"], PROBLEMS, "batch")
    assert taught(lake, unit, 1).items == ()


def test_later_steps_learn_from_their_own_draws(lake: Lake) -> None:
    unit, _ = units_of(["centred"], PROBLEMS, "problem")
    for index, source in enumerate("xy"):
        place = {"unit": unit.name, "checkpoint_id": "c1"}
        draw(lake, 12, 1_010_000 + index, source, "centred", 1, **place)
        draw(lake, 12, 2_010_000 + index, source, "placebo", 1, **place)
    for source, speedup in (("x", 1.5), ("y", None)):
        judge(lake, 12, source, speedup)
    found = taught(lake, unit, 2)
    assert [item.draw.sample_index for item in found.items] == [1_010_000, 1_010_001]


def test_a_step_that_is_made_again_takes_the_verdicts_that_it_was_made_from(lake: Lake) -> None:
    unit, _ = units_of(["centred"], PROBLEMS, "problem")
    before = taught(lake, unit, 1)
    rows = [
        {
            "suite": one.draw.suite,
            "level": one.draw.level,
            "problem_id": one.draw.problem_id,
            "sample_index": one.draw.sample_index,
            "arm": unit.arm,
            "unit": unit.name,
            "step": 1,
            "evaluation_id": one.evaluation_id,
            "reward": one.reward,
            "advantage": one.advantage,
        }
        for one in before.learned
    ]
    lake.append("train_items", rows, run_id="r")
    judge(lake, 12, "a", 1.25)  # a winner's second measurement
    judge(lake, 12, "c", 1.0)  # and a verdict at last
    assert taught(lake, unit, 1) == before
    lately = taught(lake, units_of(["x", "centred"], PROBLEMS, "problem")[0], 1, arm="centred")
    assert [one.reward for one in lately.learned] == [1.25, 0, 1, 1.25]


def test_the_base_models_log_probabilities_are_asked_for_where_they_are_needed(lake: Lake) -> None:
    unit, _ = units_of(["centred+kl:0.5"], PROBLEMS, "problem")
    found = taught(lake, unit, 1)
    assert found.scored_tokens == 3 * (2 + 3)
    apart = np.array(LOGPROBS) + 1
    assert found.items[0].advantages == pytest.approx(2 / 3 + 0.5 * (apart.mean() - apart))
    assert taught(lake, unit, 1, arm="centred").scored_tokens == 0


def test_the_papers_running_median_looks_back(lake: Lake) -> None:
    unit, _ = units_of(["paper"], PROBLEMS, "problem")
    place = {"unit": unit.name, "checkpoint_id": "c1"}
    for index, source in enumerate("xy"):
        draw(lake, 12, 1_010_000 + index, source, "paper", 1, **place)
        judge(lake, 12, source, 6.0)
    assert earlier_speedups(lake, "r", unit, 2)[("embedded", 1, 12)].tolist() == [2.0, 2.0]
    assert earlier_speedups(lake, "r", unit, 1) == {}
