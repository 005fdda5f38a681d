"""A reference's process may be slower than its equals: nobody is called faster for that.

Made here from a reference whose first process does more work than the problem asks for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

import kernels_eval.judge
import kernels_eval.timing.statistics
from kernels_eval import Judge, JudgeConfig, Verdict
from kernels_eval.reference import Reference, renew_reference, start_reference
from kernels_eval.timing.statistics import CPU_SPREAD, between_moments, may_be_luck
from tests.kernels_eval.conftest import TIMEOUT_S

_FAIR, _UNLUCKY, _QUICK = 60, 180, 5
"""Passes over the input; so different that no machine's noise hides it."""
_MUCH_LUCK = math.inf
_SOURCE = """
import torch
from torch import nn


class {name}(nn.Module):
    def forward(self, x):
        for _ in range({work}):
            out = torch.tanh(x)
        return out


def get_inputs():
    return [torch.rand(64, 256)]


def get_init_inputs():
    return []
"""
PROBLEM = _SOURCE.format(name="Model", work=_FAIR)


def candidate(work: int) -> str:
    return _SOURCE.format(name="ModelNew", work=work)


def measured_again(verdict: Verdict) -> bool:
    return any(finding.rule == "measured-again" for finding in verdict.findings)


@pytest.fixture
def own_judge() -> Iterator[Judge]:
    with Judge(JudgeConfig(timeout_s=TIMEOUT_S)) as judge:
        yield judge


@pytest.fixture
def much_luck(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes may differ by more than anything here."""
    monkeypatch.setattr(kernels_eval.timing.statistics, "LUCK", _MUCH_LUCK)


@pytest.fixture
def unlucky(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first process of each reference is slower than the next one."""

    def start(problem: Any, server: Any, device: Any, speed: Any, *rest: Any) -> Reference:
        reference = start_reference(problem, server, device, speed, *rest)
        fair = reference.runner.job
        more = _SOURCE.format(name="Model", work=_UNLUCKY)
        reference.runner.job = replace(fair, source=more)
        renew_reference(reference, server, device, speed, rest[-1])
        reference.runner.job = fair
        return reference

    monkeypatch.setattr(kernels_eval.judge, "start_reference", start)


@pytest.mark.timed
@pytest.mark.usefixtures("unlucky", "much_luck")
def test_a_slow_reference_makes_nobody_faster(own_judge: Judge) -> None:
    verdicts = dict(own_judge.evaluate_many(PROBLEM, [candidate(_FAIR)] * 2))
    for index in (0, 1):
        assert verdicts[index].correct, verdicts[index].error
        assert not verdicts[index].fast_1
    assert any(map(measured_again, verdicts.values()))  # whoever was built first


@pytest.mark.timed
@pytest.mark.usefixtures("much_luck")
def test_who_is_faster_is_so_a_second_time(own_judge: Judge) -> None:
    verdict = own_judge.evaluate(PROBLEM, candidate(_QUICK))
    assert measured_again(verdict)
    assert verdict.fast_1


@pytest.mark.timed
def test_what_no_luck_explains_is_measured_once(own_judge: Judge) -> None:
    verdict = own_judge.evaluate(PROBLEM, candidate(_QUICK))
    assert verdict.fast_1
    assert not measured_again(verdict)


def test_only_what_luck_explains_is_doubted() -> None:
    lows = (0.9, 1.0, 1.01, 1.2, 1.3)
    assert [may_be_luck(low) for low in lows] == [False, False, True, True, False]


def test_intervals_are_wider_for_kernels_that_are_not_alike() -> None:
    assert between_moments(1.0) == CPU_SPREAD
    assert between_moments(1.05) < 1.05 * CPU_SPREAD  # who is nearly equal is told as exactly
    assert between_moments(2.0) == pytest.approx(between_moments(0.5))
    assert between_moments(2.0) > 2 * CPU_SPREAD
    assert between_moments(0.01) == between_moments(0.001) < 0.07


def test_no_process_of_a_reference_decides_for_all(own_judge: Judge) -> None:
    own_judge.device.reference_lasts = 2
    workers = []
    for _ in range(5):
        verdict = own_judge.evaluate(PROBLEM, candidate(2 * _FAIR))
        assert verdict.correct, verdict.error
        (reference,) = own_judge._references.values()
        workers.append(reference.runner.worker.pid)
    first, second, third = sorted(set(workers), key=workers.index)
    assert workers == [first, first, second, second, third]
