"""Work between batches is charged; what honest workers do there is not."""

from __future__ import annotations

import itertools

import pytest
import torch

from kernels_eval.problems.layout import lay_out
from kernels_eval.timing.batch import Batch
from kernels_eval.timing.between import LEAST_NS, Between

_WALL_NS = 3_000_000


def _batch(calls: int, prepared_ns: int) -> Batch:
    return Batch(calls, _WALL_NS, _WALL_NS, 0, 0, _WALL_NS, prepared_ns=prepared_ns)


def _charged(calls: int, usual: int, mine: int, theirs: int) -> float:
    between = Between()
    for _ in range(8):
        between.add(_batch(calls, mine), _batch(usual, theirs))
    return between.milliseconds()


def test_what_takes_longer_than_the_reference_takes_is_charged() -> None:
    assert _charged(10, 10, 2_400_000, 400_000) == pytest.approx(0.2)


def test_a_little_more_is_not() -> None:
    assert _charged(10, 10, 400_000 + LEAST_NS, 400_000) == 0.0
    assert _charged(10, 10, 100_000, 400_000) == 0.0


def test_more_calls_may_take_longer_and_fewer_no_less() -> None:
    assert _charged(40, 10, 1_600_000, 400_000) == 0.0
    assert _charged(1, 10, 400_000, 400_000) == 0.0


def test_nothing_is_known_without_pairs() -> None:
    assert Between().milliseconds() == 0.0


def test_no_view_is_two_inputs() -> None:
    tensors = [torch.zeros(4, 16), torch.zeros(4, 16), torch.zeros(3)]
    places, size = lay_out(tensors, 64)
    spans = sorted(
        (place.offset, place.offset + 4 * one.numel())
        for place, one in zip(places, tensors, strict=True)
    )
    assert all(stop < start for (_, stop), (start, _) in itertools.pairwise(spans))
    assert spans[-1][1] < size
    assert [place.offset for place in places] == sorted((p.offset for p in places), reverse=True)
