"""Every closed form against 200,000 random subsets or orders of one problem of 64 draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.statistics import (
    best_at_k,
    effort_by_correct,
    expected_effort,
    found_within,
    pass_at_k,
    spent_within,
)
from tasks.statistics.arrays import Floats

N, K, TIMES, BLOCKS = 64, 8, 200_000, 20
Orders: TypeAlias = NDArray[np.int64]


def agrees(exact: float, value: Callable[[Orders], Floats], rng: np.random.Generator) -> None:
    """`value` of random orders (rows) of the 64 draws: its mean within 4 standard errors."""
    total = squares = 0.0
    for _ in range(BLOCKS):
        # Keys that are distinct for sure would need more bits; ties of float32 keys are as random.
        orders = np.argsort(rng.random((TIMES // BLOCKS, N), np.float32), axis=1)
        found = value(orders)
        total, squares = total + float(found.sum()), squares + float((found**2).sum())
    mean = total / TIMES
    error = np.sqrt(max(squares / TIMES - mean**2, 0.0) / TIMES)
    assert error > 0
    assert abs(mean - exact) < 4 * error


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


@pytest.fixture
def correct(rng: np.random.Generator) -> NDArray[np.bool_]:
    return np.asarray(rng.random(N) < 0.3)


def test_pass_at_k(rng: np.random.Generator, correct: NDArray[np.bool_]) -> None:
    exact = float(pass_at_k(N, correct.sum(), 4))
    agrees(exact, lambda orders: correct[orders[:, :4]].any(axis=1).astype(float), rng)


def test_best_at_k(rng: np.random.Generator, correct: NDArray[np.bool_]) -> None:
    values = np.where(correct, rng.lognormal(size=N), 0.0)
    exact = float(best_at_k(values, [K])[0])
    agrees(exact, lambda orders: values[orders[:, :K]].max(axis=1), rng)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("top", [1, 3])
def test_effort(
    rng: np.random.Generator, correct: NDArray[np.bool_], top: int, *, tied: bool
) -> None:
    scores = rng.integers(0, 5, N).astype(float) if tied else rng.normal(size=N)
    costs = rng.exponential(size=N)
    made = effort_by_correct([[costs]], [scores], correct[None])
    exact = float(expected_effort(made, [K], top=top)[0, 0, 0])

    def spent(orders: Orders) -> Floats:
        subset = orders[:, :K]
        best_first = np.argsort(-scores[subset], axis=1, kind="stable")
        ranked = np.take_along_axis(subset, best_first, axis=1)
        before = np.cumsum(correct[ranked], axis=1) - correct[ranked]
        return np.asarray((costs[ranked] * (before < top)).sum(axis=1), np.float64)

    agrees(exact, spent, rng)


@pytest.mark.parametrize("e", [3, 8])
def test_found_and_spent_among_tied_draws(
    rng: np.random.Generator, correct: NDArray[np.bool_], e: int
) -> None:
    # Groups of about 13 alike, so that the first e end inside one.
    scores, costs = rng.integers(0, 5, N).astype(float), rng.exponential(size=N)

    def first(orders: Orders) -> Orders:
        ranked = np.argsort(-scores[orders], axis=1, kind="stable")
        return np.take_along_axis(orders, ranked, axis=1)[:, :e]

    found = float(found_within([scores], [correct], [e])[0, 0])
    agrees(found, lambda orders: correct[first(orders)].any(axis=1).astype(float), rng)
    spent = float(spent_within([scores], [costs], [e])[0, 0])
    agrees(spent, lambda orders: costs[first(orders)].sum(axis=1), rng)
