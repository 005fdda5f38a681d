"""Many small answers at once are judged as one by one."""

from __future__ import annotations

import math

import pytest
import torch

from kernels_eval.truth.together import worst_distance
from kernels_eval.truth.tolerance import Truth, make_truth

COUNTS = (1, 100, 256, 1000)


def _pairs(count: int, sets: int = 5) -> tuple[list[Truth], list[torch.Tensor]]:
    generator = torch.Generator().manual_seed(count)
    exact = [torch.rand(count, generator=generator, dtype=torch.float64) for _ in range(sets)]
    return [make_truth(one.float(), one, 1) for one in exact], [one.float() for one in exact]


def _one_by_one(truths: list[Truth], answers: list[torch.Tensor]) -> float:
    return max(truth.distance(answer) for truth, answer in zip(truths, answers, strict=True))


@pytest.mark.parametrize("count", COUNTS)
def test_passing_answers_have_the_same_distance(count: int) -> None:
    truths, answers = _pairs(count)
    answers[3] = answers[3] * (1 + 3e-6)
    alone = _one_by_one(truths, answers)
    assert 0.0 < alone < 1.0
    assert worst_distance(truths, answers, count) == pytest.approx(alone, rel=0.02)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("place", [0, 4])
def test_one_wrong_element_in_one_answer_shows(count: int, place: int) -> None:
    truths, answers = _pairs(count)
    answers[place][count // 2] *= 1.01
    assert worst_distance(truths, answers, count) == _one_by_one(truths, answers) > 1.0


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_a_number_does_not_pass(value: float) -> None:
    truths, answers = _pairs(1000)
    answers[2][17] = value
    assert not worst_distance(truths, answers, 1000) <= 1.0


def test_zeros_where_zeros_are_right() -> None:
    exact = torch.zeros(300, dtype=torch.float64)
    exact[:256] = 1.0
    truths = [make_truth(exact.float(), exact, 1) for _ in range(3)]
    assert worst_distance(truths, [exact.float()] * 3, 300) == 0.0
    assert worst_distance(truths, [exact.float() + 0.1] * 3, 300) > 1.0


def test_integers_are_compared_one_by_one() -> None:
    exact = torch.arange(10)
    truths = [make_truth(exact, exact.double(), 1) for _ in range(2)]
    assert worst_distance(truths, [exact, exact], 10) == 0.0
    assert worst_distance(truths, [exact, exact + 1], 10) == math.inf
