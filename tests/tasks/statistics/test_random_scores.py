"""The law of a pick by random scores, against every order of the scores."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from tasks.statistics import expected_at, random_scores, rank_values
from tasks.statistics.arrays import Floats, Ints
from tasks.statistics.fastest import beaten_by
from tasks.statistics.random_scores import Rule, random_scores_law


def all_orders(values: Floats, speeds: Floats, scores: Floats, rule: Rule) -> Floats:
    """E[value of the pick] for every assignment of the scores to the draws."""
    c = len(values)
    orders = np.array(list(permutations(scores.tolist())))
    wide = np.zeros((3, len(orders), rule.n))
    wide[0, :, :c], wide[1, :, :c], wide[2, :, :c] = values, orders, speeds
    correct = np.tile(np.arange(rule.n) < c, (len(orders), 1))
    ranked = rank_values(wide[:1], wide[1], wide[2], correct, top=rule.top)
    return expected_at(ranked, [rule.k])[0, :, 0]


def beaten(speeds: Floats) -> Ints:
    return beaten_by(speeds[None], np.arange(len(speeds))[None], np.ones((1, len(speeds)), bool))[0]


CASES = [
    (n, c, k, top, kind, tied)
    for n, c, k in ((6, 5, 6), (6, 4, 3), (7, 5, 4), (5, 2, 5), (6, 5, 1), (4, 1, 2))
    for top in (1, 3)
    for kind in ("hits", "logs", "mixed")
    for tied in (False, True)
]


@pytest.mark.parametrize(("n", "c", "k", "top", "kind", "tied"), CASES)
def test_mean_and_spread_are_those_of_all_orders(
    monkeypatch: pytest.MonkeyPatch, n: int, c: int, k: int, top: int, kind: str, tied: bool
) -> None:
    monkeypatch.setattr(random_scores, "_ORDERS", 20_000)
    monkeypatch.setattr(random_scores, "_ELEMENTS", 10**7)
    random_scores._orders_of_hits.cache_clear()
    rng = np.random.default_rng((n, c, k, top, len(kind), tied))
    speeds = 2 * rng.random(c)
    values = {
        "hits": (speeds > 1).astype(np.float64),
        "logs": np.log(speeds),
        "mixed": (rng.random(c) < 0.5).astype(np.float64),  # not the fastest ones
    }[kind]
    scores = rng.integers(0, 2, c).astype(np.float64) if tied else rng.random(c)
    ties = tuple(np.unique(-scores, return_counts=True)[1].tolist())
    rule = Rule(n, k, top)
    worth, chance = random_scores_law(values, beaten(speeds), ties, rule)
    wanted = all_orders(values, speeds, scores, rule)
    assert chance.sum() == pytest.approx(1)
    mean = float(worth @ chance)
    assert mean == pytest.approx(wanted.mean(), abs=1e-9)
    variance = float((worth - mean) ** 2 @ chance)
    exact = top == 1 or kind == "hits" or (k == n and not tied)
    if exact:
        assert variance == pytest.approx(wanted.var(), rel=0.05, abs=1e-6)
    else:  # the law of a single pick, which is wider
        assert variance >= wanted.var() - 1e-9


def test_of_all_draws_a_pick_is_one_of_them() -> None:
    values = np.array([0.0, 1.0, 1.0, 0.0, 0.0])
    worth, chance = random_scores_law(values, np.arange(5), (1, 1, 1, 1, 1), Rule(9, 9, 1))
    assert (worth.tolist(), chance.tolist()) == ([0.0, 1.0], pytest.approx([0.6, 0.4]))
    # The fastest of three of five, where the second and third fastest are the hits.
    worth, chance = random_scores_law(
        np.array([0.0, 0, 1, 1, 0]), np.arange(5), (1, 1, 1, 1, 1), Rule(9, 9, 3)
    )
    assert chance.tolist() == pytest.approx([0.6, 0.4])


def test_nothing_correct_is_nothing_picked() -> None:
    worth, chance = random_scores_law(np.empty(0), np.empty(0, np.int64), (), Rule(4, 4, 1))
    assert (worth.tolist(), chance.tolist()) == ([0.0], [1.0])
