"""Sides of a split, and that they have nothing in common."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tasks.errors import RequestError
from tasks.problems import Problem, load_suite
from tasks.problems.split import check_apart, other_side, whole

ALL = load_suite("embedded").problems


@pytest.mark.parametrize(
    ("suite", "other", "without"),
    [
        ("embedded#split=train42", "embedded#split=eval42", "embedded"),
        ("kernelbench:/k#split=eval7", "kernelbench:/k#split=train7", "kernelbench:/k"),
        ("hf:a/b#level=1,split=train3", "hf:a/b#level=1,split=eval3", "hf:a/b#level=1"),
        ("embedded#level=1", None, "embedded#level=1"),
        ("dir:/x", None, "dir:/x"),
    ],
)
def test_a_split_has_two_sides(suite: str, other: str | None, without: str) -> None:
    assert other_side(suite) == other
    assert whole(suite) == without


def test_the_papers_split_leaves_its_eval_side_out() -> None:
    train, held_out = (
        load_suite(f"embedded#split={side}42").problems for side in ("train", "eval")
    )
    assert len(train) == 16
    assert {*train, *held_out} == set(ALL)
    check_apart(train, held_out)


def elsewhere(problem: Problem, suite: str, **changed: object) -> Problem:
    return replace(problem, suite=suite, source=f"{problem.source}\n# other", **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "twin",
    [
        ALL[4],
        elsewhere(ALL[4], "embedded:kernelbench"),
        elsewhere(ALL[4], "kernelbench"),
        elsewhere(ALL[4], "hf:ScalingIntelligence/KernelBench"),
        replace(ALL[4], suite="dir:mine", level=7, problem_id=9999),  # the same text
    ],
    ids=lambda one: one.suite,
)
def test_one_problem_on_both_sides_is_named(twin: Problem) -> None:
    with pytest.raises(RequestError) as found:
        check_apart(ALL[3:9], [*ALL[:3], twin])
    assert f"overlap: steps would learn from held-out problems ({twin.problem_id})" in str(
        found.value
    )
    assert "\n" not in str(found.value)


def test_numbers_of_ones_own_mean_nothing_elsewhere() -> None:
    check_apart(ALL, [elsewhere(ALL[4], "dir:mine"), elsewhere(ALL[5], "hf:someone/else")])
    with pytest.raises(RequestError, match="overlap"):  # rows of the lake would be the same
        check_apart([elsewhere(ALL[4], "dir:mine")], [replace(ALL[4], suite="dir:mine")])
