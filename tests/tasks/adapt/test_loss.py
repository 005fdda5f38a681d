"""Corrections of the importance-sampling loss, in numbers."""

from __future__ import annotations

import math

import pytest
import torch

from tasks.adapt.correction import Correction
from tasks.adapt.loss import importance_loss

APART = torch.tensor([[0.5, 1.2, -0.4], [0.1, -2.0, 7.0]], dtype=torch.float64)
KEPT = torch.tensor([[True, True, True], [True, True, False]])
ADVANTAGES = torch.tensor([[1.0, 2.0, -3.0], [0.5, 0.5, 1e9]], dtype=torch.float64)


def weights(correction: Correction) -> list[list[float]]:
    """What each token's advantage is multiplied with in the gradient, times −n."""
    behaviour = torch.full_like(APART, -1.0)
    logprobs = (APART + behaviour).requires_grad_()
    importance_loss(logprobs, behaviour, ADVANTAGES, KEPT, 4.0, correction).backward()
    assert logprobs.grad is not None
    found: list[list[float]] = (-4.0 * logprobs.grad / ADVANTAGES).tolist()
    return found


def test_none_takes_ratios_as_they_are() -> None:
    expected = APART.exp().tolist()
    expected[1][2] = 0.0
    assert weights(Correction()) == [pytest.approx(row) for row in expected]


def test_token_tis_caps_each_token() -> None:
    expected = [[math.exp(0.5), 2.0, math.exp(-0.4)], [math.exp(0.1), math.exp(-2), 0.0]]
    found = weights(Correction("token_tis", 2.0))
    assert found == [pytest.approx(row) for row in expected]


def test_seq_mis_weighs_or_drops_whole_draws() -> None:
    found = weights(Correction("seq_mis", 2.0))
    assert found[0] == [0, 0, 0]
    assert found[1] == pytest.approx([math.exp(-1.9), math.exp(-1.9), 0.0])


def test_padding_may_hold_anything() -> None:
    logprobs = torch.tensor([[-1.0, math.nan]], requires_grad=True)
    behaviour, advantages = torch.tensor([[-1.0, math.inf]]), torch.tensor([[1.0, math.nan]])
    kept = torch.tensor([[True, False]])
    loss = importance_loss(logprobs, behaviour, advantages, kept, 1.0, Correction())
    assert loss.item() == -1.0
