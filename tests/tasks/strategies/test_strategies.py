"""The registered strategies: what they pick, and when they abstain."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tasks.errors import RequestError
from tasks.statistics.arrays import Floats
from tasks.strategies import (
    Applicability,
    Draws,
    base,
    register_strategy,
    strategies,
    strategy,
)
from tasks.strategies.curve import curve
from tests.tasks.strategies.make import draws

# Sample indices 0, 10, 20, …; the likeliest first. Incorrect: 0 and 50.
PROBLEM = draws([-0.1, -0.5, -1.0, -1.5, -2.0, -3.0], [None, 2.0, 0.8, 9.0, 1.2, None])


@pytest.fixture
def registry() -> Iterator[None]:
    """Names that a test registers are gone after it."""
    before = dict(base._STRATEGIES)
    yield
    base._STRATEGIES.clear()
    base._STRATEGIES.update(before)


def test_the_contracts_names_are_there() -> None:
    names = {one.name for one in strategies()}
    top3 = {"surprisal-top3", "confidence-top3", "random-top3"}
    assert names >= {"oracle", "random", "confidence", "surprisal", *top3}


@pytest.mark.parametrize(
    ("name", "pick"),
    [
        ("oracle", 30),
        ("surprisal", 40),
        ("surprisal-top3", 30),
        ("confidence", 10),
        ("confidence-top3", 30),
    ],
)
def test_the_pick_among_all_draws(name: str, pick: int) -> None:
    found = curve(strategy(name), PROBLEM, [6])
    assert found.pick == pick
    value = PROBLEM.speedup[pick // 10]
    assert found.speedup_mean == pytest.approx([value])
    assert found.log_speedup_mean == pytest.approx([np.log(value)])
    assert found.fast_1 == pytest.approx([float(value > 1)])


def test_one_sample_leaves_nothing_to_choose() -> None:
    expected = PROBLEM.fast_1.mean()
    for one in strategies():
        found = curve(one, PROBLEM, [1])
        assert found.fast_1 == pytest.approx([expected])
        assert found.success == pytest.approx([PROBLEM.correct.mean()])


def test_random_is_any_correct_draw() -> None:
    found = curve(strategy("random"), PROBLEM, [6])
    assert found.fast_1 == pytest.approx([3 / 4])
    assert found.log_speedup_mean == pytest.approx([np.log([2.0, 0.8, 9.0, 1.2]).mean()])


def test_no_strategy_beats_the_oracle_or_falls_short_of_its_own_success() -> None:
    ks = [1, 2, 3, 4, 5, 6]
    oracle = curve(strategy("oracle"), PROBLEM, ks)
    for one in strategies():
        found = curve(one, PROBLEM, ks)
        assert (found.speedup_mean <= oracle.speedup_mean + 1e-12).all()
        assert found.success == pytest.approx(oracle.success)


def test_without_a_correct_draw_the_pick_fails_and_has_no_speedup() -> None:
    found = curve(strategy("surprisal"), draws([-1.0, -2.0], [None, None]), [1, 2, 4])
    assert found.fast_1[:2].tolist() == [0, 0]
    assert found.speedup_mean[:2].tolist() == [0, 0]
    assert np.isnan(found.log_speedup_mean).all()
    assert np.isnan([found.fast_1[2], found.success[2], found.speedup_mean[2]]).all()
    assert found.pick is None


def test_a_missing_logprob_of_a_correct_draw_makes_all_tie() -> None:
    holed = draws([-1.0, np.nan, -3.0], [2.0, 0.5, 3.0])
    found = curve(strategy("surprisal"), holed, [1, 2, 3])
    assert found.applicability is Applicability.MISSING
    by_chance = curve(strategy("random"), holed, [1, 2, 3])
    np.testing.assert_allclose(found.fast_1, by_chance.fast_1)
    assert by_chance.applicability is Applicability.APPLICABLE


def test_a_missing_logprob_of_an_incorrect_draw_makes_all_tie_for_pick_and_cost_alike() -> None:
    holed = draws([-1.0, np.nan, -3.0, np.nan], [2.0, None, 0.5, None])
    found, by_chance = (
        curve(strategy(name), holed, [1, 2, 3, 4]) for name in ("surprisal", "random")
    )
    assert found.applicability is Applicability.MISSING
    np.testing.assert_allclose(found.fast_1, by_chance.fast_1)
    np.testing.assert_allclose(found.evaluations, by_chance.evaluations)
    # Of two correct among four in any order, the first comes after 2/3 of an incorrect one.
    assert found.evaluations[3] == pytest.approx(1 + 2 / 3)


@pytest.mark.parametrize("spread", [1e-6, 0.01, 3.0])
def test_however_narrow_a_spread_orders(spread: float) -> None:
    found = curve(strategy("surprisal"), draws([-1.0, -1.0 - spread], [2.0, 3.0]), [2])
    assert (found.applicability, found.pick) == (Applicability.APPLICABLE, 10)


def test_log_probabilities_that_are_all_the_same_order_nothing() -> None:
    found = curve(strategy("surprisal"), draws([-1.0, -1.0], [2.0, 3.0]), [2])
    assert (found.applicability, found.pick) == (Applicability.TIED, 0)
    by_speed = curve(strategy("oracle"), draws([-1.0, -1.0], [2.0, 3.0]), [2])
    assert by_speed.applicability is Applicability.APPLICABLE


def test_tied_logprobs_share_evenly() -> None:
    found = curve(strategy("confidence"), draws([-1.0, -1.0, -2.0], [2.0, 0.5, 4.0]), [3])
    assert found.fast_1 == pytest.approx([0.5])
    assert found.speedup_mean == pytest.approx([1.25])


@pytest.mark.parametrize("name", ["surprisal", "confidence", "oracle", "random-top3"])
def test_a_correct_draw_without_a_time_leaves_the_problem_out_of_speedups(name: str) -> None:
    """Out of those of every strategy: else each mean would be of other problems."""
    untimed = draws([-1.0, -2.0], [2.0, 3.0])
    untimed.speedup[1] = np.nan
    found = curve(strategy(name), untimed, [1, 2])
    assert found.success.tolist() == [1, 1]
    assert found.fast_1[0] == 1
    assert np.isnan(found.speedup_mean).all()
    assert np.isnan(found.log_speedup_mean).all()


def test_the_ceiling_is_one_where_the_fastest_is_not_surely_faster() -> None:
    """Of 1.2x within [1.1, 1.3] and 1.5x within [0.9, 2.1] the first alone is fast_1."""
    given = draws([-2.0, -1.0], [1.2, 1.5])
    given.fast_1[1] = False
    oracle, surprisal = (curve(strategy(name), given, [1, 2]) for name in ("oracle", "surprisal"))
    assert oracle.fast_1.tolist() == [0.5, 1]
    assert surprisal.fast_1.tolist() == [0.5, 1]
    assert oracle.speedup_mean[1] == 1.5
    assert oracle.pick == 10


@pytest.mark.usefixtures("registry")
def test_a_strategy_of_the_users_is_one_decorator() -> None:
    @register_strategy("latest")
    def latest(given: Draws) -> Floats:
        return given.sample_index.astype(np.float64)

    assert curve(strategy("latest"), PROBLEM, [6]).pick == 40
    assert strategies()[-1].name == "latest"


def test_an_unknown_strategy_names_the_known_ones() -> None:
    with pytest.raises(RequestError, match=r"'luck'.*oracle"):
        strategy("luck")


def test_top_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        register_strategy("nothing", top=0)
