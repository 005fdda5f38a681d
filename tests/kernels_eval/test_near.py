"""The quick look at float32 never passes what float64 would refuse, and agrees where it speaks."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from kernels_eval.truth import tolerance
from kernels_eval.truth.tolerance import Truth, make_truth

SIZE = 70_000  # two chunks and a window that is not full


def truth_at(scale: float) -> Truth:
    exact = torch.randn(SIZE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    exact = exact * scale
    return make_truth(exact.float(), exact, depth=1000)


def exactly(truth: Truth, answer: torch.Tensor) -> float:
    """The distance without the quick look."""
    return dataclasses.replace(truth, rounded=None).distance(answer)


@pytest.mark.parametrize("error", [0.0, 1e-7, 1e-6, 3e-6, 1e-5, 1e-4, 1e-2, 1.0])
def test_the_verdict_is_that_of_float64(error: float) -> None:
    truth = truth_at(1.0)
    assert truth.rounded is not None
    noise = torch.randn(SIZE, generator=torch.Generator().manual_seed(2))
    answer = (truth.expected * (1 + error * noise.double())).float()
    quick, slow = truth.distance(answer), exactly(truth, answer)
    assert (quick <= 1) == (slow <= 1)
    assert quick == pytest.approx(slow, abs=1 / 32)


@pytest.mark.parametrize("scale", [1e-25, 1e-18, 1e-12, 1.0, 1e12, 1e18])
def test_zeros_never_pass(scale: float) -> None:
    truth = truth_at(scale)
    assert truth.distance(torch.zeros(SIZE)) > 1
    assert truth.distance(truth.expected.float()) <= 1


@pytest.mark.parametrize("place", [0, SIZE // 2, SIZE - 1])
@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), 100.0])
def test_one_wrong_element_is_seen(place: int, wrong: float) -> None:
    truth = truth_at(1.0)
    answer = truth.expected.float()
    answer[place] = wrong
    assert truth.distance(answer) > 1


def kept(depth: int = 1000) -> tuple[Truth, torch.Tensor]:
    """A truth that does not keep its values, and the float32 answer that it was made with."""
    exact = torch.randn(SIZE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    noise = torch.randn(SIZE, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    reference = (exact * (1 + 2e-7 * noise)).float()
    return make_truth(reference, exact, depth, lambda: exact).without_values(), reference


@pytest.fixture(autouse=True)
def _any_size_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tolerance, "_LARGE_BYTES", 1)


@pytest.mark.parametrize("error", [0.0, 1e-7, 1e-6, 3e-6, 1e-5, 2e-5, 1e-4, 1e-2, 1.0])
def test_the_reference_stands_in_for_float64(error: float) -> None:
    slim, reference = kept()
    assert slim.lacks_values
    assert slim.nbytes < reference.nbytes / 20
    truth = slim.with_reference(reference)
    noise = torch.randn(SIZE, generator=torch.Generator().manual_seed(2))
    answer = (truth.values() * (1 + error * noise.double())).float()
    quick, slow = truth.distance(answer), exactly(truth, answer)
    assert (quick <= 1) == (slow <= 1)
    assert slow <= quick <= slow + 1 / 8  # an upper bound where float32 settles it


def test_the_reference_itself_is_as_far_as_it_is() -> None:
    slim, reference = kept()
    truth = slim.with_reference(reference)
    assert 0 < truth.reference_off[0] <= 1 / 64
    assert 0 < truth.reference_off[1] <= 1 / 16
    assert truth.distance(reference) == pytest.approx(exactly(truth, reference), rel=1e-3)


def test_another_reference_is_not_believed() -> None:
    slim, reference = kept()
    other = reference.clone()
    other[SIZE // 2] += 100.0
    truth = slim.with_reference(other)
    assert truth.rounded is None
    assert truth.distance(other) > 1
    assert truth.distance(reference) <= 1
