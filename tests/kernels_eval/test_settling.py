"""Answers beyond a rounding step: each of them is settled, however many there are."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from kernels_eval.problems.sets import InputSet
from kernels_eval.problems.settling import Settler
from kernels_eval.truth.tolerance import make_truth
from kernels_eval.worker.protocol import OutputSpec

_ROWS, _COLUMNS, _NEAR = 64, 4096, 4000


def _quantized(x: torch.Tensor) -> torch.Tensor:
    return torch.round(x / (x.abs().amax(1, keepdim=True) / 127))


def _next_to_steps(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of which 4,000 numbers lie within two roundings of half a step, and their places."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(_ROWS, _COLUMNS, generator=generator)
    largest = x.abs().amax(1, keepdim=True).expand_as(x).flatten()
    places = torch.randperm(x.numel(), generator=generator)
    places = places[x.flatten()[places].abs() < largest[places]][:_NEAR]
    step = torch.randint(8, 120, places.shape, generator=generator) + 0.5
    near = 1 + (2 * torch.rand(places.shape, generator=generator) - 1) * 2.4e-7
    x.view(-1)[places] = (largest[places].double() * step / 127 * near).float()
    return x, places


@pytest.mark.parametrize("seed", range(6))
def test_each_of_thousands_of_answers_beyond_a_step_is_settled(seed: int) -> None:
    x, places = _next_to_steps(seed)
    exact, reference = _quantized(x.double()).to(torch.int8), _quantized(x).to(torch.int8)
    answer = exact.clone()
    quotient = (x.double() / (x.double().abs().amax(1, keepdim=True) / 127)).view(-1)[places]
    beyond = quotient.floor() + quotient.ceil() - exact.view(-1)[places]
    answer.view(-1)[places] = beyond.to(torch.int8)
    truth = make_truth(reference, exact, _COLUMNS)

    def answers(inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        return [_quantized(inputs[0]).to(torch.int8)]

    spec = OutputSpec(tuple(exact.shape), torch.int8)
    settler = Settler(answers, (spec,), _COLUMNS)
    item = InputSet(serial=0, seed=seed, inputs=(x,), truths=(truth,))
    assert truth.distance(settler.settled(item, 0, answer.reshape(-1))) <= 1.0
    wrong = answer.reshape(-1).clone()
    wrong[places[0]] += 3
    assert truth.distance(settler.settled(item, 0, wrong)) > 1.0
