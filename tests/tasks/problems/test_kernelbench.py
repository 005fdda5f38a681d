"""A real checkout of KernelBench, named by BON_KERNELBENCH; nothing of it is kept here."""

from __future__ import annotations

import json
import os
from collections import Counter

import pytest

from kernels_eval.errors import ProblemError
from kernels_eval.problems.module import load_problem
from tasks.policies.scaffold import scaffold_body
from tasks.problems import Problem, load_suite
from tests.conftest import Bon
from tests.tasks.problems.test_narrow import PUBLISHED

CHECKOUT = os.environ.get("BON_KERNELBENCH")
NEEDS_EINOPS = {(3, 48), (3, 49)}

pytestmark = pytest.mark.skipif(
    CHECKOUT is None, reason="BON_KERNELBENCH names no checkout of KernelBench"
)


def problems(part: str) -> tuple[Problem, ...]:
    return load_suite(f"kernelbench:{CHECKOUT}#{part}").problems


def test_all_250_problems_are_listed_with_names_levels_and_hashes(bon: Bon) -> None:
    answer = bon("problems", f"kernelbench:{CHECKOUT}", "--level", "1,2,3", "--json")
    rows = json.loads(answer.stdout)
    assert Counter(row["level"] for row in rows) == {1: 100, 2: 100, 3: 50}
    for level, count in ((1, 100), (2, 100), (3, 50)):
        ids = [row["problem_id"] for row in rows if row["level"] == level]
        assert ids == list(range(1, count + 1))
    assert len({row["problem_hash"] for row in rows}) == 250
    assert all(row["name"] and row["suite"] == "kernelbench" for row in rows)


def test_the_papers_problems() -> None:
    held_out = problems("level=1,split=eval42")
    assert [p.problem_id for p in held_out] == PUBLISHED[42]
    embedded = load_suite("embedded:kernelbench").problems
    assert [p.problem_id for p in embedded] == PUBLISHED[42]
    assert [p.name.strip("_") for p in held_out] == [p.name.strip("_") for p in embedded]


def test_every_problem_imports() -> None:
    """Import and constructor arguments only: its inputs would be gigabytes."""
    failed = {}
    for problem in problems("level=1+2+3"):
        try:
            load_problem(problem.source).init_inputs(0)
        except ProblemError as error:
            failed[problem.level, problem.problem_id] = str(error)
    assert failed.keys() <= NEEDS_EINOPS, failed
    assert all("einops" in reason for reason in failed.values())


def test_every_problem_takes_a_body() -> None:
    for problem in problems("level=1+2+3"):
        compile(scaffold_body(problem, "return None", backend="triton"), problem.name, "exec")
