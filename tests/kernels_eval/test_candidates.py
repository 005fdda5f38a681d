"""Cheats and honest kernels, one file each, through the whole judge.

A candidate file says which problem it answers and what may become of it. `slow`: if it is correct,
then not faster than the reference (these do at least as much work).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kernels_eval import Judge, JudgeConfig, Status
from tests.kernels_eval.conftest import HERE, problem_source

_IMPATIENCE_S = {"endless_loop": 6.0, "sleeps_outside": 2.0}
"""Time limits of what is judged by one of its own."""
_SLOW = [HERE / "hacks" / f"{name}.py" for name in _IMPATIENCE_S]
_HACKS = sorted({*(HERE / "hacks").glob("*.py")} - {*_SLOW})
_HONEST = sorted((HERE / "honest").glob("*.py"))
_NOISE = 1.5
"""A cheat that worked would show tens of times; a busy test machine does not."""


def _header(source: str, key: str) -> list[str]:
    found = re.search(rf"^# {key}: (.*)$", source, re.MULTILINE)
    assert found, f"the candidate has no '# {key}:' line"
    return found.group(1).split()


@pytest.mark.timed
@pytest.mark.parametrize("path", _HACKS, ids=lambda path: path.stem)
def test_hack_gains_nothing(judge: Judge, path: Path) -> None:
    source = path.read_text()
    (problem,), expected = _header(source, "problem"), _header(source, "expected")
    verdict = judge.evaluate(problem_source(problem), source)
    assert verdict.status.value in expected, (verdict.status, verdict.error)
    assert not verdict.fast_1
    if verdict.correct:
        assert "slow" in expected
        assert verdict.speedup is not None
        assert verdict.speedup < _NOISE


@pytest.mark.parametrize("path", _SLOW, ids=lambda path: path.stem)
def test_nobody_waits_for_what_never_ends(path: Path) -> None:
    source = path.read_text()
    (problem,), expected = _header(source, "problem"), _header(source, "expected")
    with Judge(JudgeConfig(timeout_s=_IMPATIENCE_S[path.stem])) as impatient:
        verdict = impatient.evaluate(problem_source(problem), source)
    assert expected == [Status.TIMEOUT.value] == [verdict.status.value], verdict.error
    assert not verdict.fast_1


@pytest.mark.parametrize("path", _HONEST, ids=lambda path: path.stem)
def test_honest_is_correct(judge: Judge, path: Path) -> None:
    source = path.read_text()
    (problem,) = _header(source, "problem")
    verdict = judge.evaluate(problem_source(problem), source)
    assert verdict.status is Status.CORRECT, verdict.error
    assert verdict.error_ratio is not None
    assert verdict.error_ratio <= 1


@pytest.mark.timed
def test_the_judge_still_works_after_all_of_them(judge: Judge) -> None:
    source = (HERE / "honest" / "relu_torch.py").read_text()
    assert judge.evaluate(problem_source("relu"), source).correct
